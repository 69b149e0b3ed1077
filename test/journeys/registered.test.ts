import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Params } from '../../src/contract/index.ts';
import type { Run } from '../../src/contract/models.ts';
import { isAlive, send, untilGone } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const show = (rig: Rig, run: string) => rig.call('run.show', { run });

const register = (rig: Rig, more: Partial<Params<'run.register'>> = {}) =>
  rig.call('run.register', { plan: 'login', repository: rig.repository.path, ...more });

/** A process that wtd did not start. */
function startStranger(): { pid: number } & Disposable {
  const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' });
  if (stranger.pid === undefined) throw new Error('sleep could not be started');
  return {
    pid: stranger.pid,
    [Symbol.dispose]() {
      stranger.kill('SIGKILL');
    },
  };
}

test('a run is registered, says that it is alive, and is finished (run.register, run.heartbeat, run.finish)', async () => {
  await using rig = await Rig.setUp();
  using agent = startStranger();
  const { run, token, cwd, env } = await register(rig, { pid: agent.pid, command: ['my-agent', '--fast'] });

  expect(rig.repository.worktrees()).toEqual([rig.repository.path, cwd]);
  expect(readFileSync(`${cwd}/README.md`, 'utf8')).toBe('A shop\n');
  const plan = await rig.call('plan.show', { plan: 'login' });
  expect(plan).toMatchObject({ state: 'running', branch: 'plan/login', worktree: { path: cwd } });
  expect(env).toEqual({
    WTD_PLAN: 'login',
    WTD_RUN: run,
    WTD_REPOSITORY: 'shop',
    WTD_WORKTREE: cwd,
    CLAUDE_WORKTREE: cwd,
    WTD_FENCE: '1',
    WTD_SOCKET: rig.place.socket,
    WTD_PORT_START: String(plan.ports?.start),
    WTD_PORT_END: String(plan.ports?.end),
    PORT: String(plan.ports?.start),
  });
  const registered = await show(rig, run);
  expect(registered).toMatchObject({
    kind: 'registered',
    state: 'running',
    pid: agent.pid,
    command: ['my-agent', '--fast'],
    cwd,
    attempt: 1,
    logPath: null,
  });
  expect(JSON.stringify([registered, plan])).not.toContain(token);

  const began = Date.parse(registered.lastHeartbeatAt ?? '');
  await until(() => Date.now() > began, 'the clock goes on');
  const beaten = await rig.call('run.heartbeat', { run, token });
  expect(Date.parse(beaten.lastHeartbeatAt ?? '')).toBeGreaterThan(began);
  await using waiting = rig.spawnWtd(['wait', 'login', '--json']);
  const finished = await rig.call('run.finish', { run, token, exitCode: 3 });
  expect(finished).toMatchObject({ state: 'failed', reason: 'exit', exitCode: 3 });
  expect((await waiting.finished()).json()).toEqual(finished);
  expect(isAlive(agent.pid)).toBe(true);
  expect(await rig.refusal('run.finish', { run, token, exitCode: 0 })).toMatchObject({ code: 'INVALID_STATE' });
  expect(await rig.refusal('run.heartbeat', { run, token })).toMatchObject({ code: 'INVALID_STATE', state: 'failed' });
});

test('who does not have the token is UNAUTHORIZED and changes nothing', async () => {
  await using rig = await Rig.setUp();
  const one = await register(rig);
  const other = await register(rig, { plan: 'other' });
  const before = await show(rig, one.run);
  const finish = await rig.wtd('run', 'finish', one.run, '--token', other.token, '--exit-code', '0', '--json');
  expect(finish.exitCode).toBe(77);
  expect(finish.json()).toMatchObject({ error: { code: 1017, data: { code: 'UNAUTHORIZED', run: one.run } } });
  expect(await rig.refusal('run.heartbeat', { run: one.run, token: 'guessed' })).toMatchObject({
    code: 'UNAUTHORIZED',
  });
  const { run } = await rig.startSteered('supervised');
  expect(await rig.refusal('run.finish', { run: run.id, token: one.token, exitCode: 0 })).toMatchObject({
    code: 'UNAUTHORIZED',
  });
  expect(await show(rig, one.run)).toMatchObject({ state: 'running', lastHeartbeatAt: before.lastHeartbeatAt });
});

test('a pid that nobody has is refused, and nothing is made', async () => {
  await using rig = await Rig.setUp();
  const ended = startStranger();
  ended[Symbol.dispose]();
  await untilGone(ended.pid);
  expect(await rig.refusal('run.register', { plan: 'login', repository: rig.repository.path, pid: ended.pid })).toEqual(
    expect.objectContaining({ code: 'INVALID_PARAMS', issues: [{ path: 'pid', message: 'no such process' }] }),
  );
  expect((await rig.call('repository.list', {})).repositories).toEqual([]);
  expect(rig.repository.branches()).toEqual(['main']);
});

test('a silent run without a pid is shown stale and still blocks, until a person forces it', async () => {
  await using rig = await Rig.setUp({ config: { orchestrator: { stale_threshold: '2s' } } });
  const { run, token } = await register(rig);
  const warnings = async () => (await rig.call('plan.show', { plan: 'login' })).warnings.join();
  await until(async () => (await warnings()).includes('stale'), 'the run is stale');
  expect((await rig.wtd('status')).stdout).toContain('stale');
  await rig.call('run.heartbeat', { run, token });
  expect(await warnings()).not.toContain('stale');

  await rig.daemon.kill();
  await rig.startDaemon();
  await until(async () => (await warnings()).includes('stale'), 'the run is stale again');
  expect(await show(rig, run)).toMatchObject({ state: 'running', pid: null });
  expect(await rig.refusal('plan.start', { plan: 'login', command: ['true'] })).toMatchObject({
    code: 'DUPLICATE_RUN',
    run,
    pid: null,
  });
  const stop = await rig.wtd('stop', 'login', '--json');
  expect(stop.exitCode).toBe(10);
  expect(stop.stdout).toContain('--force');

  expect((await rig.wtd('stop', 'login', '--force', '--json')).json()).toMatchObject({ id: run, state: 'lost' });
  expect(await rig.call('plan.start', { plan: 'login', command: ['true'] })).toMatchObject({ attempt: 2 });
});

test('a run whose process is alive is neither stale nor lost, however silent; once it died it is lost', async () => {
  await using rig = await Rig.setUp({
    config: { orchestrator: { stale_threshold: '100ms' }, schedule: { reconcile: '* * * * * *' } },
  });
  using agent = startStranger();
  const { run } = await register(rig, { pid: agent.pid });
  const lastBeat = Date.parse((await show(rig, run)).lastHeartbeatAt ?? '');
  await until(() => Date.now() > lastBeat + 1200, 'the reconcile pass came by');
  expect(await rig.call('plan.show', { plan: 'login' })).toMatchObject({ state: 'running', warnings: [] });

  agent[Symbol.dispose]();
  const isLost = async () => (await show(rig, run)).state === 'lost';
  await until(isLost, 'the run is lost', 30_000);
  expect(await show(rig, run)).toMatchObject({ reason: 'killed', exitCode: null });
});

test('a run bound to a connection is lost with it, unless its process lives', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 4 } } });
  using agent = startStranger();
  await using connection = await rig.connect();
  const params = { repository: rig.repository.path, bind: 'connection' as const };
  const bound = await connection.call('run.register', { ...params, plan: 'bound' });
  const alive = await connection.call('run.register', { ...params, plan: 'alive', pid: agent.pid });
  const done = await connection.call('run.register', { ...params, plan: 'done' });
  await rig.call('run.finish', { run: done.run, token: done.token, exitCode: 0 });
  const unbound = await connection.call('run.register', { ...params, plan: 'unbound', bind: 'none' });

  await connection[Symbol.asyncDispose]();

  await until(async () => (await show(rig, bound.run)).state === 'lost', 'the bound run is lost');
  const states = await Promise.all([alive, done, unbound].map(async ({ run }) => (await show(rig, run)).state));
  expect(states).toEqual(['running', 'succeeded', 'running']);
});

test('stop ends the process of a registered run and all below it', async () => {
  await using rig = await Rig.setUp();
  const child = rig.steered('agent');
  const [program = '', ...args] = child.command;
  const agent = spawn(program, args, { stdio: 'ignore' });
  const { run, token } = await register(rig, { pid: agent.pid ?? 0 });
  const fork = await child.fork();

  expect((await rig.wtd('stop', 'login', '--json')).json()).toMatchObject({ id: run, state: 'stopped' });

  expect([agent.pid ?? 0, fork].filter(isAlive)).toEqual([]);
  expect(await rig.refusal('run.finish', { run, token, exitCode: 0 })).toMatchObject({
    code: 'INVALID_STATE',
    state: 'stopped',
  });
});

test('exec runs the command here and now, in the worktree, and exits as it does', async () => {
  await using rig = await Rig.setUp();
  const script = 'read line; pwd; echo "$line $WTD_PLAN $WTD_FENCE $PORT ${GIT_DIR-none}"; echo to-stderr >&2; exit 4';
  const options = { input: 'typed\n', env: { GIT_DIR: '/somewhere', TOKEN: 'x' } };
  const ended = await rig.spawnWtd(['exec', 'login', '--', 'sh', '-c', script], options).finished();

  const { plans } = await rig.call('plan.list', {});
  const path = plans[0]?.worktree?.path ?? '';
  const port = plans[0]?.ports?.start ?? 0;
  expect(ended).toMatchObject({ exitCode: 4, stderr: 'to-stderr\n' });
  expect(ended.stdout).toBe(`${path}\ntyped login 1 ${port} none\n`);
  expect(plans[0]).toMatchObject({ state: 'failed', run: { kind: 'registered', exitCode: 4, reason: 'exit' } });

  const killed = await rig.wtd('exec', 'login', '--', 'sh', '-c', 'kill -TERM $$');
  expect(killed.exitCode).toBe(143);
  expect(await rig.wait('login')).toMatchObject({ attempt: 2, state: 'failed' });
  expect(await rig.wtd('exec', 'login', '--', 'true')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  expect(await rig.wait('login')).toMatchObject({ attempt: 3, state: 'succeeded', exitCode: 0 });
});

test('exec --json prints the run alone on standard output', async () => {
  await using rig = await Rig.setUp();
  const ended = await rig.wtd('exec', 'login', '--json', '--', 'echo', 'hello');
  expect(ended).toMatchObject({ exitCode: 0, stderr: 'hello\n' });
  expect(ended.json()).toMatchObject({
    plan: 'login',
    kind: 'registered',
    state: 'succeeded',
    command: ['echo', 'hello'],
  });
});

test('what exec runs is seen by everybody, and keeps the plan from being started', async () => {
  await using rig = await Rig.setUp();
  const child = rig.steered('login');
  await using exec = rig.spawnWtd(['exec', 'login', '--', ...child.command]);
  const pid = await child.untilStarted();
  const current = async () => (await rig.call('run.list', { active: true })).runs[0];
  await until(async () => (await current())?.pid === pid, 'the run has the pid of the command');

  const status = (await rig.wtd('status', '--json')).json() as { plans: { state: string; run: Run }[] };
  expect(status.plans).toMatchObject([{ state: 'running', run: { kind: 'registered', pid, command: child.command } }]);
  expect((await rig.wtd('status')).stdout).toMatch(/running.*login/);
  for (const verb of ['start', 'exec']) {
    const refused = await rig.wtd(verb, 'login', '--', 'true');
    expect(refused.exitCode).toBe(5);
    expect(refused.stderr).toContain(String(pid));
  }
  expect(child.starts()).toEqual([pid]);

  await child.exit(0);
  expect(await exec.finished()).toMatchObject({ exitCode: 0 });
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded', pid });
});

test('what exec runs goes on while no daemon lives, and its end is told to the next one', async () => {
  await using rig = await Rig.setUp();
  const child = rig.steered('login');
  await using exec = rig.spawnWtd(['exec', 'login', '--', ...child.command]);
  const pid = await child.untilStarted();
  await until(async () => (await rig.call('run.list', { active: true })).runs[0]?.pid === pid, 'the pid is known');
  await rig.daemon.kill();
  expect(isAlive(pid)).toBe(true);
  await rig.startDaemon();
  expect(await rig.refusal('plan.start', { plan: 'login', command: ['true'] })).toMatchObject({ pid });

  await rig.daemon.kill();
  await child.exit(6);
  await untilGone(pid);
  expect(exec.hasEnded).toBe(false);
  await rig.startDaemon();
  expect(await exec.finished()).toMatchObject({ exitCode: 6 });
  expect(await rig.wait('login')).toMatchObject({ state: 'failed', reason: 'exit', exitCode: 6 });
});

test('stop ends what exec runs, and a signal to exec reaches the command', async () => {
  await using rig = await Rig.setUp();
  for (const how of ['stop', 'signal']) {
    const child = rig.steered(how);
    await using exec = rig.spawnWtd(['exec', how, '--', ...child.command]);
    const pid = await child.untilStarted();
    await until(async () => (await rig.call('run.list', { active: true })).runs[0]?.pid === pid, 'the pid is known');
    if (how === 'stop') expect(await rig.wtd('stop', how)).toMatchObject({ exitCode: 0 });
    else send(exec.pid, 'SIGTERM');
    expect(await exec.finished()).toMatchObject({ exitCode: 143, stderr: '' });
    expect(isAlive(pid)).toBe(false);
    expect((await rig.wait(how)).state).toBe(how === 'stop' ? 'stopped' : 'failed');
  }
});

test('exec of a command that does not exist is SPAWN_FAILED and leaves no run active', async () => {
  await using rig = await Rig.setUp();
  const failed = await rig.wtd('exec', 'login', '--json', '--', 'no-such-program');
  expect(failed.exitCode).toBe(12);
  expect(failed.json()).toMatchObject({ error: { data: { code: 'SPAWN_FAILED', command: ['no-such-program'] } } });
  expect((await rig.call('run.list', { active: true })).runs).toEqual([]);
  expect(existsSync(rig.place.socket)).toBe(true);
});
