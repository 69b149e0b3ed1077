import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Params } from '../../src/contract/index.ts';
import type { Run } from '../../src/contract/models.ts';
import { isAlive, pidsOf, send } from '../rig/processes.ts';
import { pathsOf, refused } from '../rig/refusals.ts';
import { Rig } from '../rig/rig.ts';
import type { Steered } from '../rig/steered.ts';
import { until } from '../rig/until.ts';

type Limits = NonNullable<Params<'plan.start'>['limits']>;

const often = { limits: { sample_interval: '100ms' } };
const seldom = { limits: { sample_interval: '1s' } };

const show = (rig: Rig, { id }: Pick<Run, 'id'>) => rig.call('run.show', { run: id });
const warnings = async (rig: Rig) => (await rig.call('plan.show', { plan: 'login' })).warnings.join();

const eventsOf = async (rig: Rig, ...types: Params<'event.list'>['types'] & object) =>
  (await rig.call('event.list', { types, limit: 1000 })).events;

const hog = `sh -c '{ head -c 100000000 /dev/zero; exec sleep 1000; } | tail' </dev/null >/dev/null 2>&1 3<&-`;

/** A process of the run holds some 100 MB from now on: it keeps what has no end of line. */
const eat = (child: Steered): Promise<string> => child.ask(`${hog} & :`);

/** The same in a session of its own and without a parent in the run. */
const eatEscaped = (child: Steered): Promise<string> => child.ask(`(setsid ${hog} &)`);

/** The one of its processes that holds the memory. */
const eaterOf = (run: Run): Promise<number> =>
  until(
    () => pidsOf(run.id).find((pid) => readFileSync(`/proc/${pid}/comm`, 'latin1').trim() === 'tail'),
    'the eater is there',
  );

/** Until wtd itself has ended the run. */
async function untilBroken(rig: Rig, run: Run): Promise<Run> {
  const ended = await rig.wait(run.plan);
  expect(ended.id).toBe(run.id);
  expect(pidsOf(run.id)).toEqual([]);
  return ended;
}

test('a run whose processes together hold too much memory is ended with all of them, and the reason is told', async () => {
  await using rig = await Rig.setUp({ config: often });
  const { run, child } = await rig.startSteered('login', { limits: { maxMemoryMb: 50 } });
  await eatEscaped(child);

  expect(await untilBroken(rig, run)).toMatchObject({ state: 'failed', reason: 'memory', signal: 'SIGTERM' });

  const [event, ...more] = await eventsOf(rig, 'run.limit');
  expect(more).toEqual([]);
  expect(event).toMatchObject({ run: run.id, plan: 'login', repository: 'shop' });
  expect(event?.data).toMatchObject({ limit: 'memory', max: 50, action: 'stop' });
  expect(event?.data['value']).toBeGreaterThan(50);
  expect((await show(rig, run)).peak.memoryMb).toBeGreaterThan(50);
  expect((await eventsOf(rig, 'run.stopping')).map(({ data }) => data)).toMatchObject([{ limit: 'memory' }]);
  expect((await rig.wtd('wait', 'login')).stdout).toContain('memory');
});

test('a short peak breaks no limit', async () => {
  await using rig = await Rig.setUp({ config: seldom });
  const { run, child } = await rig.startSteered('login', { limits: { maxMemoryMb: 50 } });
  const seen = async () => (await show(rig, run)).usage;
  await until(seen, 'the first sample');
  await eat(child);
  const eater = await eaterOf(run);
  const peak = await until(async () => {
    const usage = await seen();
    return (usage?.memoryMb ?? 0) > 50 && usage;
  }, 'the peak was seen');
  send(eater, 'SIGKILL');

  let samples = new Set<string>();
  await until(async () => {
    const { sampledAt } = (await seen()) ?? peak;
    return sampledAt !== peak.sampledAt && (samples = samples.add(sampledAt)).size >= 3;
  }, 'three more samples were taken');
  expect(await show(rig, run)).toMatchObject({ state: 'running', reason: null });
  expect((await show(rig, run)).peak.memoryMb).toBeGreaterThan(50);
  expect(await eventsOf(rig, 'run.limit')).toEqual([]);
});

test('a run that burns CPU is ended for it', async () => {
  await using rig = await Rig.setUp({ config: often });
  const { run, child } = await rig.startSteered('login', { limits: { maxCpuPercent: 5 } });
  await child.tell('while :; do :; done &');
  expect(await untilBroken(rig, run)).toMatchObject({ state: 'failed', reason: 'cpu' });
  expect((await show(rig, run)).peak.cpuPercent).toBeGreaterThan(5);
});

test('a run that fills its worktree is ended for it, and what it wrote stays', async () => {
  await using rig = await Rig.setUp({ config: often });
  const { run, child } = await rig.startSteered('login', { limits: { maxDiskMb: 20 } });
  await until(async () => typeof (await show(rig, run)).usage?.diskMb === 'number', 'its worktree was measured');
  await child.tell('head -c 30000000 /dev/zero >big');
  expect(await untilBroken(rig, run)).toMatchObject({ state: 'failed', reason: 'disk' });
  const { peak, cwd } = await show(rig, run);
  expect(peak.diskMb).toBeGreaterThan(20);
  expect((await rig.wtd('plan', 'show', 'login', '--json')).json()).toMatchObject({ worktree: { path: cwd } });
});

test('the disk space of a worktree is told also without a limit', async () => {
  await using rig = await Rig.setUp({ config: often });
  const { run, child } = await rig.startSteered('login');
  await child.ask('head -c 5000000 /dev/zero >big');
  await until(async () => ((await show(rig, run)).usage?.diskMb ?? 0) >= 5, 'the file was seen');
  expect((await show(rig, run)).peak.diskMb).toBeGreaterThanOrEqual(5);
});

test('a run that takes too long is ended for it', async () => {
  await using rig = await Rig.setUp({ config: often });
  const { run } = await rig.startSteered('login', { limits: { maxRuntimeMs: 1000 } });
  const ended = await untilBroken(rig, run);
  expect(ended).toMatchObject({ state: 'failed', reason: 'runtime' });
  expect(ended.durationMs).toBeGreaterThan(900);
});

test('the running time goes on while no daemon lives', async () => {
  await using rig = await Rig.setUp({ config: often });
  const { run } = await rig.startSteered('login', { limits: { maxRuntimeMs: 3_600_000 } });
  const short = await rig.startSteered('short', { limits: { maxRuntimeMs: 5000 } });
  await rig.daemon.kill();
  const began = Date.parse(short.run.startedAt ?? '');
  await until(() => Date.now() > began + 5000, 'its time is over');
  await rig.startDaemon();
  expect(await untilBroken(rig, short.run)).toMatchObject({ state: 'failed', reason: 'runtime' });
  expect(await show(rig, run)).toMatchObject({ state: 'running' });
});

test('a run that is silent for too long is ended for it; one that talks lives', async () => {
  await using rig = await Rig.setUp({ config: often });
  const limits = { maxSilenceMs: 3000 };
  const chatty = await rig.startSteered('chatty', { limits });
  await chatty.child.tell('while :; do echo here; sleep 0.2; done &');
  const silent = await rig.startSteered('silent', { limits });
  await silent.child.print('one word');

  const ended = await untilBroken(rig, silent.run);
  expect(ended).toMatchObject({ state: 'failed', reason: 'silence' });
  expect(ended.durationMs).toBeGreaterThan(2900);
  const talkedUntil = Date.now();
  await until(() => Date.now() > talkedUntil + 1000, 'the other one talks on');
  expect(await show(rig, chatty.run)).toMatchObject({ state: 'running' });
});

test('on_breach warn tells of it once, for as long as it lasts', async () => {
  await using rig = await Rig.setUp({ config: often });
  const limits: Limits = { maxMemoryMb: 50, onBreach: 'warn' };
  const { run, child } = await rig.startSteered('login', { limits });
  for (const times of [1, 2]) {
    await eat(child);
    await until(async () => (await warnings(rig)).includes('memory'), 'the plan warns');
    expect((await rig.wtd('status')).stdout).toContain('over its limit of memory');
    send(await eaterOf(run), 'SIGKILL');
    await until(async () => (await warnings(rig)) === '', 'the warning is gone');
    const events = await eventsOf(rig, 'run.limit');
    expect(events.map(({ data }) => data['action'])).toEqual(Array(times).fill('warn'));
  }
  expect(await show(rig, run)).toMatchObject({ state: 'running', reason: null });
});

test('on_breach pause stops the run where it is; resumed, it has its whole time again', async () => {
  await using rig = await Rig.setUp({ config: often });
  const limits: Limits = { maxRuntimeMs: 1500, onBreach: 'pause' };
  const { run, child } = await rig.startSteered('login', { limits });
  const untilPaused = () => until(async () => (await show(rig, run)).state === 'paused', 'the run is paused');
  await untilPaused();
  expect(await show(rig, run)).toMatchObject({ reason: 'runtime', pid: run.pid });
  expect(await warnings(rig)).toContain('runtime');

  expect(await rig.call('plan.resume', { plan: 'login' })).toMatchObject({ state: 'running', reason: null });
  expect(await child.ask('echo alive')).toBe('alive');
  await untilPaused();
  const events = await eventsOf(rig, 'run.paused', 'run.resumed', 'run.limit');
  expect(events.map(({ type }) => type)).toEqual(['run.limit', 'run.paused', 'run.resumed', 'run.limit', 'run.paused']);
  const [resumed, second] = [events[2], events[3]].map((event) => Date.parse(event?.at ?? ''));
  expect((second ?? 0) - (resumed ?? 0)).toBeGreaterThan(1400);
  expect((await rig.wtd('stop', 'login', '--json')).json()).toMatchObject({ state: 'stopped', reason: null });
});

test('a limit that was broken when the daemon was killed is enforced to the end by the next one', async () => {
  await using rig = await Rig.setUp({ config: { ...often, orchestrator: { shutdown_timeout: '10m' } } });
  const { run, child } = await rig.startSteered('login', { limits: { maxMemoryMb: 50 } });
  await child.ignoreSignals();
  await eat(child);
  await until(async () => (await show(rig, run)).state === 'stopping', 'the limit is broken');
  expect(await show(rig, run)).toMatchObject({ reason: 'memory' });
  await rig.daemon.kill();
  expect(isAlive(run.pid ?? 0)).toBe(true);

  rig.place.configure({ ...often, orchestrator: { shutdown_timeout: '200ms' } });
  await rig.startDaemon();

  expect(await untilBroken(rig, run)).toMatchObject({ state: 'failed', reason: 'memory', signal: 'SIGKILL' });
  expect(await eventsOf(rig, 'run.limit')).toHaveLength(1);
});

test('a registered run with a pid is held to the limits of its plan', async () => {
  await using rig = await Rig.setUp({ config: often });
  const repository = rig.repository.path;
  await rig.call('plan.create', { name: 'login', repository, limits: { maxMemoryMb: 50 } });
  const child = rig.steered('agent');
  const [program = '', ...args] = child.command;
  const agent = spawn(program, args, { stdio: 'ignore' });
  const { run } = await rig.call('run.register', { plan: 'login', repository, pid: agent.pid ?? 0 });
  await child.untilStarted();
  await eat(child);
  expect(await rig.wait('login')).toMatchObject({ id: run, state: 'failed', reason: 'memory' });
  await until(() => !isAlive(agent.pid ?? 0), 'the agent is gone');
  send(agent.pid ?? 0, 'SIGKILL');
});

test("the start's limits count before the plan's and those before the configuration's, and stay what they were", async () => {
  const config = {
    limits: { max_runtime: '2h', on_breach: 'warn' },
    worktrees: { resource_limits: { max_memory_mb: 1000, max_cpu_percent: 400 } },
  };
  await using rig = await Rig.setUp({ config });
  const asked = ['--max-memory-mb', '2000', '--max-runtime', '90m', '--max-disk-mb', '100'];
  const created = await rig.wtd('plan', 'create', 'login', ...asked, '--json', '--', 'sleep', '1000');
  const limits = { maxMemoryMb: 2000, maxRuntimeMs: 5_400_000, maxDiskMb: 100 };
  expect(created.json()).toMatchObject({ limits, run: null });

  const changes = ['--max-disk-mb', 'none', '--on-breach', 'pause'];
  const run = (await rig.wtd('start', 'login', ...changes, '--json')).json() as Run;
  const effective = {
    maxMemoryMb: 2000,
    maxCpuPercent: 400,
    maxDiskMb: null,
    maxRuntimeMs: 5_400_000,
    maxSilenceMs: null,
    onBreach: 'pause',
  };
  expect(run).toMatchObject({ state: 'running', limits: effective });
  const plan = await rig.call('plan.show', { plan: 'login' });
  expect(plan.limits).toEqual({ ...limits, maxDiskMb: null, onBreach: 'pause' });

  rig.place.configure({ worktrees: { resource_limits: { max_cpu_percent: 50 } } });
  await rig.call('daemon.reload', {});
  expect((await show(rig, run)).limits).toEqual(effective);
  const again = (await rig.wtd('restart', 'login', '--json')).json() as Run;
  expect(again.limits).toEqual({ ...effective, maxCpuPercent: 50 });
  expect((await rig.start('other', ['sleep', '1000'])).limits).toMatchObject({ maxMemoryMb: null, onBreach: 'stop' });
});

test('limits that make no sense are refused by name, and nothing is made', async () => {
  await using rig = await Rig.setUp();
  const start = (limits: unknown) =>
    refused(rig, 'plan.start', { plan: 'login', repository: rig.repository.path, command: ['true'], limits });
  for (const [limits, path] of [
    [{ maxMemoryMb: 0 }, 'limits.maxMemoryMb'],
    [{ maxCpuPercent: 1.5 }, 'limits.maxCpuPercent'],
    [{ maxDiskMb: '5' }, 'limits.maxDiskMb'],
    [{ maxRuntimeMs: -1 }, 'limits.maxRuntimeMs'],
    [{ onBreach: 'explode' }, 'limits.onBreach'],
    [[], 'limits'],
  ]) {
    const refusal = await start(limits);
    expect([refusal.code, pathsOf(refusal)]).toEqual(['INVALID_PARAMS', [path]]);
  }
  expect((await start({ maxMemory: 5 })).message).toContain('maxMemory');
  expect((await rig.call('plan.list', {})).plans).toEqual([]);

  for (const [config, key] of [
    [{ limits: { on_breach: 'explode' } }, 'limits.on_breach'],
    [{ limits: { max_runtime: 'long' } }, 'limits.max_runtime'],
    [{ limits: { max_machine_cpu_percent: 101 } }, 'limits.max_machine_cpu_percent'],
    [{ worktrees: { resource_limits: { max_disk_mb: 0 } } }, 'worktrees.resource_limits.max_disk_mb'],
    [{ worktrees: { resource_limits: { max_disk: 1 } } }, 'worktrees.resource_limits.max_disk'],
  ] as const) {
    rig.place.configure(config);
    expect(await rig.refusal('daemon.reload', {})).toMatchObject({
      code: 'INVALID_PARAMS',
      message: expect.stringContaining(key) as string,
    });
  }
});
