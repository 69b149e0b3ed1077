import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseStat } from '../../src/daemon/runs/process-table.ts';
import { isAlive, parentOf, pidsOf, send } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const show = (rig: Rig, run: string) => rig.call('run.show', { run });

const isStopped = (pid: number): boolean => parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.stopped === true;

/** The run's processes but its parent, which stays to write down how it ends. */
const treeOf = (run: string, command: number): number[] => pidsOf(run).filter((pid) => pid !== parentOf(command));

test('pause stops the whole tree where it is, and resume lets it go on (plan.pause, plan.resume)', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  const tree = [run.pid ?? 0, await child.fork(), await child.forkEscaped()];
  await using waiting = rig.spawnWtd(['wait', 'login', '--json']);

  const paused = await rig.wtd('pause', 'login', '--json');

  expect(tree.filter(isStopped)).toEqual(tree);
  expect(paused.json()).toMatchObject({ id: run.id, state: 'paused', reason: null, endedAt: null });
  expect((await rig.wtd('status')).stdout).toMatch(/^paused +login/m);
  expect(await rig.call('status.get', {})).toMatchObject({ limits: { running: 1 }, plans: [{ state: 'paused' }] });
  expect((await rig.wtd('pause', 'login')).stdout).toContain('wtd resume login');
  expect(waiting.hasEnded).toBe(false);

  expect((await rig.wtd('resume', 'login', '--json')).json()).toMatchObject({ id: run.id, state: 'running' });

  expect(tree.filter(isStopped)).toEqual([]);
  expect(await child.ask('echo alive')).toBe('alive');
  expect((await rig.wtd('resume', 'login', '--json')).json()).toMatchObject({ state: 'running' });
  await child.exit(0);
  expect((await waiting.finished()).json()).toMatchObject({ id: run.id, state: 'succeeded', exitCode: 0 });
  const { events } = await rig.call('event.list', { types: ['run.paused', 'run.resumed'] });
  expect(events.map(({ type, run: of }) => [type, of])).toEqual([
    ['run.paused', run.id],
    ['run.resumed', run.id],
  ]);
});

test('a tree that forks all the time is stopped whole', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  for (let count = 0; count < 3; count++)
    await child.ask('while :; do (/bin/true); done </dev/null >/dev/null 2>&1 3<&- & :');
  for (let round = 0; round < 3; round++) {
    await rig.call('plan.pause', { plan: 'login' });
    const tree = treeOf(run.id, run.pid ?? 0);
    expect(tree.length).toBeGreaterThanOrEqual(4);
    expect(tree.filter(isStopped)).toEqual(tree);
    await rig.call('plan.resume', { plan: 'login' });
  }
});

test('a paused run is stopped like any other', async () => {
  await using rig = await Rig.setUp({ config: { orchestrator: { shutdown_timeout: '10m' } } });
  const { run, child } = await rig.startSteered('login');
  const tree = [run.pid ?? 0, await child.fork(), await child.forkEscaped()];
  await rig.call('plan.pause', { plan: 'login' });
  const stopped = await rig.call('plan.stop', { plan: 'login' });
  expect(stopped).toMatchObject({ id: run.id, state: 'stopped', reason: null, signal: 'SIGTERM' });
  expect(tree.filter(isAlive)).toEqual([]);
});

test('a pause that the daemon did not survive is made whole by the next one', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  const tree = [run.pid ?? 0, await child.fork(), await child.forkEscaped()];
  await rig.call('plan.pause', { plan: 'login' });
  await rig.daemon.kill();
  for (const pid of tree) send(pid, 'SIGCONT');
  await until(() => !tree.some(isStopped), 'the tree goes on');

  await rig.startDaemon();

  await until(() => tree.every(isStopped), 'the tree is stopped again');
  expect(await show(rig, run.id)).toMatchObject({ state: 'paused' });
  await rig.call('plan.resume', { plan: 'login' });
  await child.exit(5);
  expect(await rig.wait('login')).toMatchObject({ id: run.id, state: 'failed', exitCode: 5 });
});

test('the time of a pause counts for no limit', async () => {
  await using rig = await Rig.setUp({ config: { limits: { sample_interval: '100ms' } } });
  const limits = { maxRuntimeMs: 4000, maxSilenceMs: 4000 };
  const { run, child } = await rig.startSteered('login', { limits });
  const paused = await rig.call('plan.pause', { plan: 'login' });
  expect(paused.state).toBe('paused');
  const pausedAt = Date.now();
  await until(() => Date.now() > pausedAt + 4500, 'the pause was longer than any limit');
  const resumedAt = Date.now();
  await rig.call('plan.resume', { plan: 'login' });
  expect(await child.ask('echo alive')).toBe('alive');
  const ended = await rig.wait('login');
  expect(ended).toMatchObject({ id: run.id, state: 'failed' });
  expect(['runtime', 'silence']).toContain(ended.reason);
  expect(Date.parse(ended.endedAt ?? '') - resumedAt).toBeGreaterThan(3900);
});

test('only what runs can be paused, and only what is paused resumed', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
  const repository = rig.repository.path;
  await rig.startSteered('first');
  await rig.start('queued', ['true']);
  await rig.call('plan.create', { name: 'idle', repository });
  for (const method of ['plan.pause', 'plan.resume'] as const) {
    expect(await rig.refusal(method, { plan: 'queued' })).toMatchObject({
      code: 'INVALID_STATE',
      state: 'queued',
      allowed: expect.arrayContaining(['running', 'paused']) as string[],
    });
    expect(await rig.refusal(method, { plan: 'idle' })).toMatchObject({ code: 'INVALID_STATE', state: 'idle' });
    expect(await rig.refusal(method, { plan: 'nothing' })).toMatchObject({ code: 'NOT_FOUND', kind: 'plan' });
  }
  await rig.call('plan.stop', { plan: 'first' });
  await rig.wait('queued');
  const ended = await rig.wtd('pause', 'first', '--json');
  expect(ended.exitCode).toBe(10);
  expect(ended.json()).toMatchObject({ error: { data: { code: 'INVALID_STATE', state: 'stopped' } } });
});

test('a registered run is paused by its process, and one without a process not at all', async () => {
  await using rig = await Rig.setUp();
  const repository = rig.repository.path;
  const child = rig.steered('agent');
  const [program = '', ...args] = child.command;
  const agent = spawn(program, args, { stdio: 'ignore' });
  try {
    await child.untilStarted();
    const fork = await child.fork();
    await rig.call('run.register', { plan: 'login', repository, pid: agent.pid ?? 0 });
    await rig.call('plan.pause', { plan: 'login' });
    expect([agent.pid ?? 0, fork].filter(isStopped)).toHaveLength(2);
    await rig.call('plan.resume', { plan: 'login' });
    expect([agent.pid ?? 0, fork].filter(isStopped)).toEqual([]);
    await rig.call('plan.stop', { plan: 'login' });
  } finally {
    agent.kill('SIGKILL');
  }
  await rig.call('run.register', { plan: 'unknown', repository });
  expect(await rig.refusal('plan.pause', { plan: 'unknown' })).toMatchObject({ code: 'INVALID_STATE' });
});
