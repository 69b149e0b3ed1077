import { describe, expect, test } from 'vitest';
import type { ProcessEntry } from '../../../src/daemon/runs/process-table.ts';
import { selectTree, type TreeRoots } from '../../../src/daemon/runs/tree.ts';

const entry = (
  pid: number,
  parent: number,
  rest: Partial<ProcessEntry> & Pick<ProcessEntry, 'session'>,
): ProcessEntry => ({
  pid,
  parent,
  group: rest.session,
  start: `s${pid}`,
  zombie: false,
  stopped: false,
  name: 'sh',
  ...rest,
});

/** The run: parent 100, its command 101 and a child 102; a second run beside it; init and a stranger. */
const machine: ProcessEntry[] = [
  entry(1, 0, { session: 1 }),
  entry(50, 1, { session: 50 }),
  entry(100, 1, { session: 100 }),
  entry(101, 100, { session: 100 }),
  entry(102, 101, { session: 100 }),
  entry(200, 1, { session: 200 }),
  entry(201, 200, { session: 200 }),
];
const roots: TreeRoots = { run: 'r', parent: { pid: 100, start: 's100' }, child: { pid: 101, start: 's101' } };
const pids = (processes: readonly ProcessEntry[], of: TreeRoots = roots) =>
  selectTree(processes, of).map(({ pid }) => pid);

describe("a run's tree", () => {
  test('is its command and all below, without its parent and without anybody else', () => {
    expect(pids(machine)).toEqual([101, 102]);
  });

  test('has what was orphaned within its session, and what moved to another session below its command', () => {
    const orphan = entry(103, 1, { session: 100 });
    const moved = entry(104, 102, { session: 104 });
    const below = entry(105, 104, { session: 105 });
    expect(pids([...machine, orphan, moved, below])).toEqual([101, 102, 103, 104, 105]);
    expect(pids([below, moved, orphan, ...machine]), 'in whatever order they are listed').toEqual([
      105, 104, 103, 101, 102,
    ]);
  });

  test('has no zombies, but those below one', () => {
    const zombie = entry(103, 101, { session: 100, zombie: true });
    const below = entry(104, 103, { session: 100 });
    expect(pids([...machine, zombie, below])).toEqual([101, 102, 104]);
  });

  test('is still known by its command when the parent is gone', () => {
    const orphaned = machine
      .filter(({ pid }) => pid !== 100)
      .map((one) => (one.pid === 101 ? { ...one, parent: 1 } : one));
    expect(pids(orphaned)).toEqual([101, 102]);
  });

  test('has nobody of a session whose number was given again', () => {
    const stranger = [entry(100, 1, { session: 100, start: 'later' }), entry(300, 100, { session: 100 })];
    const others = machine.filter(({ pid }) => pid < 100 || pid >= 200);
    expect(pids([...others, ...stranger])).toEqual([]);
  });

  test("has nobody who was given the command's pid", () => {
    const stranger = [entry(101, 1, { session: 101, start: 'later' }), entry(300, 101, { session: 101 })];
    const others = machine.filter(({ pid }) => pid < 100 || pid >= 200);
    expect(pids([...others, ...stranger])).toEqual([]);
  });

  test('never has this process, even below the command', () => {
    expect(pids([...machine, entry(process.pid, 102, { session: 100 })])).toEqual([101, 102]);
  });

  test('of a run that nothing is known of is empty', () => {
    expect(pids(machine, { run: 'r', parent: null, child: null })).toEqual([]);
  });

  test('of a registered run is the announced process and all below, not its session', () => {
    const shell = [entry(60, 50, { session: 60 }), entry(61, 60, { session: 60 }), entry(62, 61, { session: 60 })];
    expect(pids([...machine, ...shell], { run: 'r', parent: null, child: { pid: 61, start: 's61' } })).toEqual([
      61, 62,
    ]);
  });

  test('has what the kernel keeps together and what carries its mark, wherever that went, and all below', () => {
    const kept = [entry(300, 1, { session: 300 }), entry(301, 300, { session: 300 })];
    const marked = entry(302, 1, { session: 302 });
    const evidence = { members: new Set([100, 101, 300]), marks: new Map([[302, 'r']]) };
    expect(selectTree([...machine, ...kept, marked], roots, evidence).map(({ pid }) => pid)).toEqual([
      101, 102, 300, 301, 302,
    ]);
  });
});

describe('what lies below a run and is not its own', () => {
  const daemon = { name: 'wtd-daemon' };
  /** A daemon below the run's command, with the parent of a run, its command, and one that left it. */
  const nested = [
    entry(300, 102, { session: 300, ...daemon }),
    entry(301, 300, { session: 301 }),
    entry(302, 301, { session: 301 }),
    entry(303, 302, { session: 303 }),
  ];

  test('is a daemon with a session of its own, and all below it', () => {
    expect(pids([...machine, ...nested])).toEqual([101, 102]);
    const members = new Set([101, 102, 300, 301, 302, 303]);
    expect(selectTree([...machine, ...nested], roots, { members }).map(({ pid }) => pid)).toEqual([101, 102]);
  });

  test("is another run's parent and all below it, where a daemon was started as a part of the run", () => {
    const part = nested.map((one) => (one.pid === 300 ? { ...one, session: 100 } : one));
    expect(pids([...machine, ...part], { ...roots, others: [{ pid: 301, start: 's301' }] })).toEqual([101, 102, 300]);
    expect(pids([...machine, ...part], { ...roots, others: [{ pid: 301, start: 'earlier' }] })).toEqual([
      101, 102, 300, 301, 302, 303,
    ]);
  });

  test("is what carries another run's mark outside of the session, and all below it", () => {
    const part = nested.map((one) => (one.pid === 300 ? { ...one, session: 100 } : one));
    const marks = new Map(
      [101, 102, 300]
        .map((pid) => [pid, 'r'])
        .concat([
          [301, 'o'],
          [302, 'o'],
        ]) as [number, string][],
    );
    expect(selectTree([...machine, ...part], roots, { marks }).map(({ pid }) => pid)).toEqual([101, 102, 300]);
    const within = entry(103, 102, { session: 100 });
    const marked = new Map([[103, 'o']]);
    expect(selectTree([...machine, within], roots, { marks: marked }).map(({ pid }) => pid)).toEqual([101, 102, 103]);
  });

  test('ends at the run itself, where that lies below another run or its daemon', () => {
    const inner: TreeRoots = {
      run: 'inner',
      parent: { pid: 301, start: 's301' },
      child: { pid: 302, start: 's302' },
      others: [{ pid: 100, start: 's100' }],
    };
    expect(pids([...machine, ...nested], inner)).toEqual([302, 303]);
  });
});
