import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Daemon } from '../rig/daemon.ts';
import { isAlive, parentOf, pidsOf, send } from '../rig/processes.ts';
import { databaseOf, removeDatabase, runsOf, showRun } from '../rig/lost-registry.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const warningsOf = async (rig: Rig) => (await rig.call('status.get', { allPlans: true })).warnings;

test('a database that is deleted while runs live is rebuilt: nothing runs twice, nothing is lost', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 2 } } });
  const { run: failed } = await rig.startSteered('report').then(async ({ run, child }) => {
    await child.exit(3);
    await rig.wait('report');
    return { run };
  });
  const living = await rig.startSteered('login');
  const { run: registeredRun, token } = await rig.call('run.register', {
    plan: 'manual',
    repository: rig.repository.path,
    pid: process.pid,
  });
  const queued = rig.steered('later');
  const waiting = await rig.start('later', queued.command, { env: { ...rig.place.env, COLOUR: 'green' } });
  expect(waiting.state).toBe('queued');
  const before = await rig.call('plan.list', {});
  const runs = await runsOf(rig);
  const newest = (await rig.call('event.list', { limit: 1 })).events[0]?.seq ?? 0;

  await rig.daemon.kill();
  removeDatabase(rig);
  await rig.startDaemon();

  const after = await rig.call('plan.list', {});
  const known = ({ name, branch, base, command, ports, state, worktree, run }: (typeof before.plans)[number]) => ({
    ...{ name, branch, base, command, ports, state, path: worktree?.path, run: run?.id, pid: run?.pid },
  });
  const byName = (plans: typeof before.plans) =>
    plans.map(known).sort((one, other) => (one.name < other.name ? -1 : 1));
  expect(byName(after.plans)).toEqual(byName(before.plans));
  expect((await runsOf(rig)).sort()).toEqual(runs.sort());
  expect(await showRun(rig, failed.id)).toMatchObject({ state: 'failed', reason: 'exit', exitCode: 3 });

  const refusal = await rig.refusal('plan.start', {
    plan: 'login',
    repository: rig.repository.path,
    command: ['true'],
  });
  expect(refusal).toMatchObject({ code: 'DUPLICATE_RUN', run: living.run.id, pid: living.run.pid });
  expect(living.child.starts()).toEqual([living.run.pid]);
  await living.child.exit(7);
  expect(await rig.wait('login')).toMatchObject({ id: living.run.id, attempt: 1, state: 'failed', exitCode: 7 });

  await queued.untilStarted();
  expect(await queued.ask('echo $COLOUR $WTD_RUN')).toBe(`green ${waiting.id}`);
  expect(await rig.call('run.finish', { run: registeredRun, token, exitCode: 0 })).toMatchObject({
    state: 'succeeded',
  });

  const [rebuilt] = (await rig.call('event.list', { types: ['registry.rebuilt'] })).events;
  expect(rebuilt?.data).toMatchObject({ runs: 4, plans: 4, worktrees: 3, unreadable: [] });
  expect(rebuilt?.seq).toBe(1_000_001);
  expect(await rig.refusal('event.list', { after: newest })).toMatchObject({ code: 'NOT_FOUND', oldest: 1_000_001 });
  expect(await warningsOf(rig)).toContainEqual(expect.stringContaining('was lost'));
});

test.each([
  [
    'cut in half',
    (file: string) => {
      writeFileSync(file, readFileSync(file).subarray(0, statSync(file).size / 2));
    },
  ],
  [
    'emptied',
    (file: string) => {
      writeFileSync(file, '');
    },
  ],
  [
    'overwritten',
    (file: string) => {
      writeFileSync(file, 'These are notes of mine.\n'.repeat(500));
    },
  ],
])('a database that was %s is kept aside and rebuilt', async (_, damage) => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  await rig.daemon.terminate();
  damage(databaseOf(rig));
  const left = readFileSync(databaseOf(rig));
  await rig.startDaemon();
  expect(await showRun(rig, run.id)).toMatchObject({ state: 'running', pid: run.pid });
  await child.exit(0);
  expect(await rig.wait('login')).toMatchObject({ id: run.id, state: 'succeeded' });
  const kept = readdirSync(rig.place.home).filter((name) => /^wtd\.db\.damaged-\d+$/.test(name));
  expect(kept).toHaveLength(1);
  expect(readFileSync(join(rig.place.home, kept[0] ?? ''))).toEqual(left);
  expect(await warningsOf(rig)).toContainEqual(expect.stringContaining(kept[0] ?? '-'));
  await rig.daemon.terminate();
  await rig.startDaemon();
  expect(await warningsOf(rig)).toEqual([]);
});

test('a stop that was under way is finished, and what ended meanwhile has its true end', async () => {
  const patient = { limits: { max_concurrent: 5 }, orchestrator: { shutdown_timeout: '600s' } };
  await using rig = await Rig.setUp({ config: patient });
  const stopped = await rig.startSteered('stopped');
  await stopped.child.ignoreSignals();
  const ended = await rig.startSteered('ended');
  const killed = await rig.startSteered('killed');
  const stopping = rig.call('plan.stop', { plan: 'stopped' }).catch(() => undefined);
  await until(async () => (await showRun(rig, stopped.run.id)).state === 'stopping', 'the stop has begun');
  await rig.daemon.kill();
  await stopping;
  removeDatabase(rig);
  await ended.child.exit(4);
  send(parentOf(killed.run.pid ?? 0), 'SIGKILL');
  send(killed.run.pid ?? 0, 'SIGKILL');
  for (const { run } of [ended, killed]) await until(() => pidsOf(run.id).length === 0, `${run.plan} ended`);

  rig.place.configure({ limits: { max_concurrent: 5 }, orchestrator: { shutdown_timeout: '100ms' } });
  await rig.startDaemon();
  expect(await rig.wait('stopped')).toMatchObject({ id: stopped.run.id, state: 'stopped' });
  expect(isAlive(stopped.run.pid ?? 0)).toBe(false);
  expect(await rig.wait('ended')).toMatchObject({ state: 'failed', exitCode: 4 });
  expect(await rig.wait('killed')).toMatchObject({ state: 'lost', reason: 'killed' });
});

test('what was removed stays removed, and what a start took back is not started again', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  await rig.start('gone', ['true']);
  await rig.wait('gone');
  await rig.call('plan.remove', { plan: 'gone' });
  mkdirSync(join(rig.repository.path, 'worktrees', 'plan-blocked'));
  expect(
    await rig.refusal('plan.start', { plan: 'blocked', repository: rig.repository.path, command: ['true'] }),
  ).toMatchObject({ code: 'ALREADY_EXISTS' });
  await rig.daemon.kill();
  removeDatabase(rig);
  await rig.startDaemon();
  expect((await rig.call('plan.list', {})).plans.map(({ name }) => name)).toEqual(['login']);
  expect(await runsOf(rig)).toEqual([['login', 1, 'succeeded', 0]]);
});

test('a worktree whose records are gone as well is found again through git, but not that of another home', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['sh', '-c', 'git commit --quiet --allow-empty --message Work']);
  await rig.wait('login');
  await rig.start('search', ['true']);
  const { run } = await rig.call('plan.show', { plan: 'login' });
  await rig.wait('search');
  const path = join(rig.repository.path, 'worktrees', 'plan-login');
  const foreign = rig.repository.linkWorktree('plan/foreign');
  rig.repository.git('worktree', 'lock', '--reason', 'wtd: plan foreign of /somewhere/else', foreign.path);
  await rig.daemon.terminate();
  removeDatabase(rig);
  rmSync(join(rig.place.home, 'runs', run?.id ?? '-'), { recursive: true });
  await rig.startDaemon();
  const { plans } = await rig.call('plan.list', {});
  expect(plans.map(({ name, branch, worktree, git }) => [name, branch, worktree?.path, git?.ahead])).toContainEqual([
    'login',
    'plan/login',
    path,
    1,
  ]);
  expect(plans.map(({ name }) => name).sort()).toEqual(['login', 'search']);
  await rig.start('login', ['true']);
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded', cwd: path });
});

describe('a daemon that cannot know what runs', () => {
  test('does not start while a process lives whose record is gone, and says which', async () => {
    await using rig = await Rig.setUp();
    const { run, child } = await rig.startSteered('login');
    await rig.daemon.kill();
    removeDatabase(rig);
    const description = join(rig.place.home, 'runs', run.id, 'run.json');
    const kept = readFileSync(description);
    writeFileSync(description, '{ "version": 1');
    {
      await using daemon = new Daemon(rig.place);
      expect(await daemon.untilDecided()).toBe(false);
      const { exitCode, stderr } = await daemon.ended();
      expect([exitCode, stderr]).toEqual([10, expect.stringContaining(join(rig.place.home, 'runs', run.id))]);
    }
    expect(isAlive(run.pid ?? 0)).toBe(true);
    writeFileSync(description, kept);
    await rig.startDaemon();
    expect(await showRun(rig, run.id)).toMatchObject({ state: 'running', pid: run.pid });
    await child.exit(0);
    await rig.wait('login');
  });

  test('starts beside the unreadable record of a run that has ended, and leaves it there', async () => {
    await using rig = await Rig.setUp();
    const { run, child } = await rig.startSteered('login');
    await child.exit(0);
    await rig.wait('login');
    await rig.daemon.terminate();
    removeDatabase(rig);
    const directory = join(rig.place.home, 'runs', run.id);
    writeFileSync(join(directory, 'run.json'), 'null');
    await rig.startDaemon();
    expect(existsSync(join(directory, 'output.log'))).toBe(true);
    expect((await rig.call('event.list', { types: ['registry.rebuilt'] })).events[0]?.data).toMatchObject({
      unreadable: [run.id],
    });
  });
});

describe('a database that is taken away from a living daemon', () => {
  test('is written again, with everything in it', async () => {
    await using rig = await Rig.setUp();
    const { run, child } = await rig.startSteered('login');
    removeDatabase(rig);
    await rig.call('plan.create', { name: 'search', repository: rig.repository.path });
    await until(() => existsSync(databaseOf(rig)), 'the database is there again');
    await rig.call('plan.create', { name: 'cart', repository: rig.repository.path });
    await rig.daemon.kill();
    await rig.startDaemon();
    expect((await rig.call('plan.list', {})).plans.map(({ name }) => name).sort()).toEqual(['cart', 'login', 'search']);
    expect(await showRun(rig, run.id)).toMatchObject({ state: 'running', pid: run.pid });
    expect(await warningsOf(rig)).toEqual([]);
    await child.exit(0);
    await rig.wait('login');
  });

  test('and replaced by another file is not written over, and everybody is told', async () => {
    await using rig = await Rig.setUp();
    const aside = join(rig.place.directory, 'aside.db');
    renameSync(databaseOf(rig), aside);
    writeFileSync(databaseOf(rig), 'mine');
    const isWarned = async () =>
      (await warningsOf(rig)).some((text) => text.includes('took the place of the database'));
    await until(isWarned, 'the picture warns');
    expect(rig.daemon.readLog()).toContain('took the place of the database');
    expect(readFileSync(databaseOf(rig), 'utf8')).toBe('mine');
    renameSync(aside, databaseOf(rig));
    await rig.call('plan.create', { name: 'search', repository: rig.repository.path });
  });
});

test('two repositories of one name are both restored', async () => {
  await using rig = await Rig.setUp();
  const other = makeRepository(rig.place, 'other/shop');
  await rig.start('login', ['true']);
  await rig.start('login', ['true'], { repository: other.path });
  await until(async () => (await runsOf(rig)).every(([, , state]) => state === 'succeeded'), 'both have ended');
  const before = (await rig.call('repository.list', {})).repositories.map(({ name, path }) => [name, path]);
  await rig.daemon.kill();
  removeDatabase(rig);
  await rig.startDaemon();
  const after = (await rig.call('repository.list', {})).repositories.map(({ name, path }) => [name, path]);
  expect(after).toEqual(before);
});
