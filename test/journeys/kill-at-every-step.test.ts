import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { describe, expect, test } from 'vitest';
import { faultPoints, type FaultPoint } from '../../src/base/fault-point.ts';
import { RemoteError } from '../../src/client/errors.ts';
import type { Run } from '../../src/contract/models.ts';
import { Daemon } from '../rig/daemon.ts';
import { worktreeOf } from '../rig/doctor.ts';
import { footprint } from '../rig/footprint.ts';
import { pidsOf } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import type { Steered } from '../rig/steered.ts';
import { until } from '../rig/until.ts';

/** Those of the pool have a journey of their own. */
type Point = Exclude<FaultPoint, `${'acquire' | 'release' | 'take'}: ${string}`>;
type Operation = Point extends `${infer Operation}: ${string}` ? Operation : never;

/** A repository that is known, a plan `login` with a command that is steered, and another plan. */
interface Stage {
  rig: Rig;
  child: Steered;
  busy: Steered;
  /** Its run, once `prepare` or `verify` knows it. */
  run?: Run;
}

/** One way to come by the points of an operation. */
interface Scenario {
  title: string;
  /** Points of the operation that this way does not pass. */
  passesNot?: readonly FaultPoint[];
  maxConcurrent?: number;
  /** The daemon that is there before, when it is not the one that shall break. */
  firstFault?: string;
  prepare?: (stage: Stage) => Promise<unknown>;
  /** What the daemon dies of. Its answer, if any came, is not looked at. */
  act: (stage: Stage) => Promise<unknown>;
  /** With the next daemon: the operation is whole, or is done again and succeeds. */
  verify: (stage: Stage) => Promise<unknown>;
}

const address = { plan: 'login', repository: 'shop' };
const start = ({ rig, child }: Stage) => rig.start('login', child.command);
const active = async ({ rig }: Stage) =>
  (await rig.call('run.list', { ...address, active: true }).catch(() => ({ runs: [] }))).runs[0];

/** The exit code proves that nobody but the one command that ever ran was asked. */
async function endsWith7(stage: Stage): Promise<void> {
  const { rig, child } = stage;
  const pid = await child.untilStarted();
  const run = await until(async () => (await active(stage))?.pid === pid && active(stage), 'the run is known to run');
  await child.exit(7);
  expect(await rig.call('plan.wait', { run: run.id })).toMatchObject({ state: 'failed', exitCode: 7 });
  expect(child.starts()).toEqual([pid]);
  expect(pidsOf(run.id)).toEqual([]);
}

async function startsOnce(stage: Stage): Promise<void> {
  if (!(await active(stage))) await start(stage);
  await endsWith7(stage);
}

async function prepareRun(stage: Stage): Promise<void> {
  stage.run = await start(stage);
  await stage.child.untilStarted();
}

async function prepareEnded(stage: Stage): Promise<void> {
  await prepareRun(stage);
  await stage.child.exit(0);
  await stage.rig.wait('login');
}

async function isStopped({ rig, run }: Stage): Promise<void> {
  expect(await rig.call('plan.wait', { run: run?.id ?? '' })).toMatchObject({ state: 'stopped' });
  expect(pidsOf(run?.id ?? '')).toEqual([]);
}

const idle = (stage: Stage) => stage.rig.call('plan.create', { name: 'login', repository: 'shop' });

/** Dies while it makes a worktree, and leaves another run that lives. */
const whileOneIsMade: Pick<Scenario, 'firstFault' | 'prepare'> = {
  firstFault: 'create: files written:2:kill',
  prepare: async (stage) => {
    await stage.rig.start('busy', stage.busy.command);
    await Promise.allSettled([start(stage), stage.rig.daemon.ended()]);
  },
};

const writeInWorktree = ({ rig }: Stage, name: string) => {
  worktreeOf(rig, 'login').write(name, 'new\n');
};

const takeSnapshot = ({ rig }: Stage) => rig.call('worktree.snapshot', { repository: 'shop', worktree: 'plan-login' });

const againOf = ({ rig }: Stage): string => join(rig.repository.path, 'worktrees', 'again');

async function restoreSnapshot({ rig }: Stage) {
  const [snapshot] = (await rig.call('worktree.snapshots', {})).snapshots;
  return rig.call('worktree.restore', { snapshot: snapshot?.id ?? '', name: 'again' });
}

/** As somebody does it by hand; the doctor mends the rest. */
async function forgetRestored({ rig }: Stage, path: string): Promise<void> {
  rig.repository.git('worktree', 'remove', '--force', '--force', path);
  rig.repository.git('branch', '-D', basename(path));
  await rig.call('daemon.doctor', { repair: true });
}

const scenarios: Record<Operation, Scenario[]> = {
  plan: [
    {
      title: 'plan.create',
      act: idle,
      verify: async (stage) => {
        if ((await stage.rig.call('plan.list', {})).plans.length === 0) await idle(stage);
        expect((await stage.rig.call('plan.list', {})).plans).toMatchObject([{ name: 'login', state: 'idle' }]);
      },
    },
  ],
  start: [
    { title: 'plan.start of a new plan', act: start, verify: startsOnce },
    {
      title: 'plan.start of a plan that has its worktree',
      firstFault: 'none:1:kill',
      prepare: async ({ rig }) => {
        await rig.start('login', ['true']);
        await rig.wait('login');
        await rig.daemon.terminate();
      },
      act: start,
      verify: startsOnce,
    },
  ],
  create: [{ title: 'plan.start', act: start, verify: startsOnce }],
  queue: [
    {
      title: 'plan.start where no place is free',
      maxConcurrent: 1,
      prepare: ({ rig, busy }) => rig.start('busy', busy.command),
      act: async (stage) => {
        await start(stage).catch(() => undefined);
        await stage.busy.exit(0);
      },
      verify: startsOnce,
    },
  ],
  register: [
    {
      title: 'run.register',
      act: ({ rig }) => rig.call('run.register', address),
      verify: async (stage) => {
        // Nobody knows its token: only a person can say that it is gone.
        if (await active(stage)) await stage.rig.call('plan.stop', { ...address, force: true });
        const { run, token } = await stage.rig.call('run.register', address);
        expect(await stage.rig.call('run.finish', { run, token, exitCode: 7 })).toMatchObject({ exitCode: 7 });
      },
    },
  ],
  finish: [
    {
      title: 'run.finish',
      act: async ({ rig }) => {
        const { run, token } = await rig.call('run.register', address);
        await rig.call('run.finish', { run, token, exitCode: 7 });
      },
      verify: async ({ rig }) => {
        expect((await rig.call('run.list', address)).runs).toMatchObject([{ state: 'failed', exitCode: 7 }]);
      },
    },
  ],
  end: [
    {
      title: 'the end of a run',
      prepare: prepareRun,
      act: ({ child }) => child.exit(7),
      verify: async ({ rig, run }) => {
        const ended = await rig.call('plan.wait', { run: run?.id ?? '' });
        expect(ended).toMatchObject({ state: 'failed', exitCode: 7 });
      },
    },
  ],
  stop: [
    {
      title: 'plan.stop',
      prepare: prepareRun,
      act: ({ rig }) => rig.call('plan.stop', address),
      verify: isStopped,
    },
    {
      title: 'plan.restart',
      prepare: prepareRun,
      act: ({ rig }) => rig.call('plan.restart', address),
      verify: async (stage) => {
        await isStopped(stage);
        await start(stage);
        await stage.child.untilStarted(2);
        await stage.rig.call('plan.stop', address);
        expect(stage.child.starts()).toHaveLength(2);
      },
    },
  ],
  'stop now': [
    {
      title: 'plan.stop --force',
      prepare: async (stage) => {
        await prepareRun(stage);
        await stage.child.ignoreSignals();
        await stage.child.forkEscaped();
      },
      act: ({ rig }) => rig.call('plan.stop', { ...address, force: true }),
      verify: isStopped,
    },
  ],
  remove: [
    {
      title: 'plan.remove',
      prepare: async (stage) => {
        await prepareEnded(stage);
        stage.rig.repository.git('config', 'branch.plan/login.description', 'a login');
      },
      act: ({ rig }) => rig.call('plan.remove', address),
      verify: () => Promise.resolve(),
    },
    {
      title: 'what takes back a start that was killed',
      passesNot: ['remove: intent written', 'remove: row written', 'remove: plan deleted', 'remove: directory removed'],
      ...whileOneIsMade,
      act: () => Promise.resolve(),
      verify: startsOnce,
    },
  ],
  snapshot: [
    {
      title: 'worktree.snapshot',
      prepare: async (stage) => {
        await prepareEnded(stage);
        writeInWorktree(stage, 'new.txt');
      },
      act: takeSnapshot,
      verify: async (stage) => {
        const kept = (await stage.rig.call('worktree.snapshots', {})).snapshots;
        const refs = stage.rig.repository.git('for-each-ref', '--format=%(refname:lstrip=3)', 'refs/wtd/snapshots');
        expect(kept.map(({ id }) => id).join('\n')).toBe(refs);
        for (const { id } of [...kept, await takeSnapshot(stage)]) {
          const { path } = await stage.rig.call('worktree.restore', { snapshot: id, name: `again-${id}` });
          expect(readdirSync(path)).toContain('new.txt');
          rmSync(join(path, 'new.txt'));
          await forgetRestored(stage, path);
        }
        rmSync(join(worktreeOf(stage.rig, 'login').path, 'new.txt'));
      },
    },
  ],
  restore: [
    {
      title: 'worktree.restore',
      prepare: async (stage) => {
        await prepareEnded(stage);
        writeInWorktree(stage, 'new.txt');
        await takeSnapshot(stage);
        rmSync(join(worktreeOf(stage.rig, 'login').path, 'new.txt'));
      },
      act: restoreSnapshot,
      verify: async (stage) => {
        const { path } = await restoreSnapshot(stage).catch(() => ({ path: againOf(stage) }));
        expect(readdirSync(path)).toContain('new.txt');
        rmSync(join(path, 'new.txt'));
        await forgetRestored(stage, path);
      },
    },
  ],
  recover: [{ title: 'the next daemon', ...whileOneIsMade, act: () => Promise.resolve(), verify: startsOnce }],
  requeue: [{ title: 'the next daemon', ...whileOneIsMade, act: () => Promise.resolve(), verify: startsOnce }],
};

/** Those that are about something that an operation of their plan left. */
async function removeAll({ rig, busy }: Stage): Promise<void> {
  if ((await rig.call('run.list', { active: true })).runs.length > 0) await busy.exit(0);
  for (const { name } of (await rig.call('plan.list', {})).plans) {
    await rig.wait(name).catch(() => undefined);
    await rig.call('plan.remove', { plan: name, repository: 'shop' });
  }
}

/** Numbers without gaps, whatever died in between. */
async function requireWholeJournal({ rig }: Stage): Promise<void> {
  const { events } = await rig.call('event.list', { after: 0, limit: 1000 });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
}

/** Kills a daemon at a point, and lets the next one show that nothing was lost, doubled or left behind. */
async function killAt(point: FaultPoint, scenario: Scenario): Promise<void> {
  const { maxConcurrent = 3, firstFault } = scenario;
  await using rig = await Rig.setUp({ daemon: false, config: { limits: { max_concurrent: maxConcurrent } } });
  const stage: Stage = { rig, child: rig.steered('login'), busy: rig.steered('busy') };
  const fault = { WTD_FAULT: `${point}:1:kill` };
  await rig.startDaemon(firstFault === undefined ? fault : { WTD_FAULT: firstFault });
  await rig.call('repository.add', { path: rig.repository.path });
  const before = await footprint(rig);
  await scenario.prepare?.(stage);

  await using breaking = firstFault === undefined ? rig.daemon : new Daemon(rig.place, fault);
  if (await breaking.untilDecided()) await scenario.act(stage).catch(expectCutOff);
  expect(await breaking.ended(), 'the point was reached').toMatchObject({ signal: 'SIGKILL' });

  await rig.startDaemon();
  await scenario.verify(stage);
  await removeAll(stage);
  await requireWholeJournal(stage);
  await until(async () => {
    expect(await footprint(rig)).toEqual(before);
    return true;
  }, 'nothing is left behind');
  rig.repository.git('fsck', '--strict', '--no-dangling');
  expect(rig.repository.git('worktree', 'prune', '--dry-run', '--verbose')).toBe('');
}

/** The daemon answered nothing; a refusal would mean that the step was never taken. */
function expectCutOff(error: unknown): void {
  if (error instanceof RemoteError) throw error;
}

const cases = Object.entries(scenarios).flatMap(([operation, ways]) =>
  faultPoints
    .filter((point) => point.startsWith(`${operation}: `))
    .flatMap((point) => ways.map((scenario) => ({ point, scenario })))
    .filter(({ point, scenario }) => !scenario.passesNot?.includes(point)),
);

/** Most of a case is waiting for processes, so several go on at once. */
const mostAtOnce = 4;

describe('a daemon that is killed leaves nothing that its successor cannot bring to its end', () => {
  test.each(Object.keys(scenarios) as Operation[])('at every step of: %s', { timeout: 180_000 }, async (operation) => {
    const own = cases.filter(({ point }) => point.startsWith(`${operation}: `));
    expect(own).not.toEqual([]);
    const limit = pLimit(mostAtOnce);
    const settled = await Promise.allSettled(own.map(({ point, scenario }) => limit(() => killAt(point, scenario))));
    for (const [index, { point, scenario }] of own.entries()) {
      const one = settled[index];
      if (one?.status !== 'rejected') continue;
      const reason = one.reason instanceof Error ? (one.reason.stack ?? one.reason.message) : String(one.reason);
      expect.soft(reason, `killed at "${point}" of ${scenario.title}`).toBe('');
    }
  });
});

test('the program that users get has no fault point in it', () => {
  const build = fileURLToPath(new URL('../../dist', import.meta.url));
  const faulty = readFileSync(join(build, '../dist-faults/daemon.mjs'), 'utf8');
  expect(faultPoints.filter((point) => !faulty.includes(point))).toEqual([]);
  for (const name of readdirSync(build)) {
    const text = readFileSync(join(build, name), 'latin1');
    const found = [...faultPoints, 'faultPoint', 'WTD_FAULT', 'WTD_CLOCK'].filter((word) => text.includes(word));
    expect(found, name).toEqual([]);
  }
});
