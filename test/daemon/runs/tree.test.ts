import { describe, expect, test } from 'vitest';
import type { ProcessEntry } from '../../../src/daemon/runs/process-table.ts';
import { selectTree, type TreeRoots } from '../../../src/daemon/runs/tree.ts';

const entry = (
  pid: number,
  parent: number,
  rest: Partial<ProcessEntry> & Pick<ProcessEntry, 'session'>,
): ProcessEntry => ({ pid, parent, start: `s${pid}`, zombie: false, stopped: false, ...rest });

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
});
