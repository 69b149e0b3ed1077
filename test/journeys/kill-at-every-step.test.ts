import pLimit from 'p-limit';
import { describe, expect, test } from 'vitest';
import { faultPoints, type FaultPoint } from '../../src/base/fault-point.ts';
import { killAt } from '../rig/kill-at.ts';
import { abandonment, planScenarios } from '../rig/kill-plans.ts';
import { completionScenarios } from '../rig/kill-completions.ts';
import { snapshotScenarios } from '../rig/kill-snapshots.ts';
import { forcedRemoval, namedCreation, worktreeScenarios } from '../rig/kill-worktrees.ts';
import type { Scenario, Stage } from '../rig/kill-stage.ts';
import { pidsOf } from '../rig/processes.ts';
import { until } from '../rig/until.ts';

/** Those of the pool have a journey of their own. */
type Point = Exclude<FaultPoint, `${'acquire' | 'release' | 'take'}: ${string}`>;
type Operation = Point extends `${infer Operation}: ${string}` ? Operation : never;

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

const sweep = ({ rig }: Stage) => rig.call('cleanup.run', { olderThanMs: 0 });

/** The worktree is gone whole, or goes now; its plan is there. */
async function isSwept(stage: Stage): Promise<void> {
  expect((await sweep(stage)).errors).toEqual([]);
  expect(await stage.rig.call('plan.show', address)).toMatchObject({ state: 'succeeded', worktree: null });
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

async function needSetup({ rig }: Stage): Promise<void> {
  const setup = { run: [['cat', '.env']] };
  rig.repository.commit({ '.gitignore': '.env', 'wtd.yaml': JSON.stringify({ worktrees: { setup } }) });
  rig.repository.write('.env', 'SECRET=1\n');
  await rig.call('repository.trust', { repository: 'shop' });
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
  setup: [{ title: 'plan.start', prepare: needSetup, act: start, verify: startsOnce }],
  create: [{ title: 'plan.start', act: start, verify: startsOnce }, namedCreation],
  ...worktreeScenarios,
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
      title: 'cleanup.run',
      passesNot: ['remove: plan deleted', 'remove: directory removed'],
      prepare: prepareEnded,
      act: sweep,
      verify: isSwept,
    },
    forcedRemoval,
    abandonment,
    {
      title: 'what takes back a start that was killed',
      passesNot: [
        'remove: snapshot taken',
        'remove: intent written',
        'remove: row written',
        'remove: plan deleted',
        'remove: directory removed',
      ],
      ...whileOneIsMade,
      act: () => Promise.resolve(),
      verify: startsOnce,
    },
  ],
  ...planScenarios,
  ...snapshotScenarios,
  ...completionScenarios,
  sweep: [{ title: 'cleanup.run', prepare: prepareEnded, act: sweep, verify: isSwept }],
  recover: [{ title: 'the next daemon', ...whileOneIsMade, act: () => Promise.resolve(), verify: startsOnce }],
  requeue: [{ title: 'the next daemon', ...whileOneIsMade, act: () => Promise.resolve(), verify: startsOnce }],
};

const cases = Object.entries(scenarios).flatMap(([operation, ways]) =>
  faultPoints
    .filter((point) => point.startsWith(`${operation}: `))
    .flatMap((point) => ways.map((scenario) => ({ point, scenario })))
    .filter(({ point, scenario }) => !scenario.passesNot?.includes(point)),
);

/** Most of a case is waiting for processes, so several go on at once. */
const mostAtOnce = 4;

describe('a daemon that is killed leaves nothing that its successor cannot bring to its end', () => {
  test.each(Object.keys(scenarios) as Operation[])('at every step of: %s', { timeout: 240_000 }, async (operation) => {
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
