import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Run } from '../../src/contract/models.ts';
import { send } from '../rig/processes.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

/** Prints its two streams in turns, and ends. */
const chatter = (exitCode: number) => [
  'sh',
  '-c',
  `for n in 1 2 3; do echo "out $n"; echo "err $n" >&2; done; exit ${exitCode}`,
];
const chatterLines = ['out 1', 'err 1', 'out 2', 'err 2', 'out 3', 'err 3'];

test('a plan starts in a worktree of its own, on a branch of its own that follows nothing', async () => {
  await using rig = await Rig.setUp();
  const upstream = makeRepository(rig.place, 'upstream', 'bare');
  rig.repository.git('remote', 'add', 'origin', upstream.path);
  rig.repository.git('fetch', '--quiet', 'origin');
  const child = rig.steered('login');

  const started = await rig.wtd('start', 'login', '--base', 'origin/main', '--json', '--', ...child.command);

  expect(started).toMatchObject({ exitCode: 0, stderr: '' });
  const run = started.json() as Run;
  expect(run).toMatchObject({
    plan: 'login',
    repository: 'shop',
    attempt: 1,
    kind: 'supervised',
    state: 'running',
    command: child.command,
    queuePosition: null,
    exitCode: null,
    endedAt: null,
  });
  expect(run.pid).toBe(await child.untilStarted());
  expect(run.cwd).toBe(join(rig.repository.path, 'worktrees', 'plan-login'));
  expect(await child.ask('pwd -P')).toBe(run.cwd);
  expect(await child.ask('git symbolic-ref --short HEAD')).toBe('plan/login');
  expect(await child.ask('git rev-parse HEAD')).toBe(upstream.git('rev-parse', 'main'));
  expect(await child.ask('git status --porcelain')).toBe('');
  expect(() => rig.repository.git('config', '--get-regexp', '^branch\\.plan/login\\.')).toThrow();
  expect(rig.repository.git('status', '--porcelain')).toBe('');
  expect(rig.repository.git('symbolic-ref', '--short', 'HEAD')).toBe('main');

  await child.exit(0);
  expect(await rig.wait('login')).toMatchObject({ id: run.id, state: 'succeeded', reason: null, exitCode: 0 });
});

test("a run has the caller's environment, what it must know, and nothing that binds it elsewhere", async () => {
  await using rig = await Rig.setUp({ daemonEnv: { ONLY_THE_DAEMON_HAS: 'this' } });
  const child = rig.steered('login');
  const started = rig.spawnWtd(['start', 'login', '--json', '--', ...child.command], {
    env: {
      API_TOKEN: 'a b\nc=d',
      NOTIFY_SOCKET: '/run/notify',
      WATCHDOG_USEC: '1',
      LISTEN_FDS: '1',
      LISTEN_PID: '1',
      GIT_DIR: '/somewhere/.git',
      GIT_INDEX_FILE: '/somewhere/index',
      GIT_CONFIG_COUNT: '0',
      WTD_PLAN: 'of-another-run',
      WTD_FENCE: '41',
      PORT: '3000',
    },
  });
  const run = (await started.finished()).json() as Run;

  await child.untilStarted();
  const pairs = (await child.ask(`tr '\\0' '\\1' </proc/$$/environ`)).split('\x01').map((pair) => pair.split(/=(.*)/s));
  const env = Object.fromEntries(pairs) as Record<string, string>;
  const { plans } = await rig.call('plan.list', {});

  expect(env).toMatchObject({
    API_TOKEN: 'a b\nc=d',
    HOME: rig.place.env['HOME'],
    PATH: rig.place.env['PATH'],
    GIT_AUTHOR_NAME: 'Ada',
    WTD_PLAN: 'login',
    WTD_RUN: run.id,
    WTD_REPOSITORY: 'shop',
    WTD_WORKTREE: run.cwd,
    CLAUDE_WORKTREE: run.cwd,
    WTD_FENCE: '1',
    WTD_SOCKET: rig.place.socket,
    WTD_PORT_START: String(plans[0]?.ports?.start),
    WTD_PORT_END: String(plans[0]?.ports?.end),
    PORT: String(plans[0]?.ports?.start),
  });
  expect(Number(env['WTD_PORT_END']) - Number(env['WTD_PORT_START'])).toBe(9);
  const unwanted = /^(ONLY_THE_DAEMON_HAS|NOTIFY_SOCKET|WATCHDOG_.*|LISTEN_.*|GIT_(DIR|INDEX_FILE|CONFIG_COUNT))$/;
  expect(Object.keys(env).filter((name) => unwanted.test(name))).toEqual([]);
});

test("the caller's environment lies on disk for nobody else, and only until the exec", async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
  const kept = ({ id }: Run) => join(rig.place.home, 'runs', id, 'environment.json');
  const first = await rig.startSteered('first', { env: { ...rig.place.env, SECRET: 'hush' } });
  expect(existsSync(kept(first.run))).toBe(false);

  const child = rig.steered('second');
  const second = await rig.start('second', child.command, { env: { ...rig.place.env, SECRET: 'hush' } });
  expect(second.state).toBe('queued');
  expect(statSync(kept(second)).mode & 0o777).toBe(0o600);

  await first.child.exit(0);
  await child.untilStarted();
  await until(() => !existsSync(kept(second)), 'the environment is forgotten');
  expect(await child.ask('echo $SECRET')).toBe('hush');
  expect(rig.daemon.readLog()).not.toContain('hush');
});

test('logs have both streams in the order written, from the end, from an offset, and until the run ends', async () => {
  await using rig = await Rig.setUp();
  const ended = await rig.start('talk', chatter(0)).then(() => rig.wait('talk'));
  expect(ended.state).toBe('succeeded');

  expect(await rig.wtd('logs', 'talk')).toMatchObject({ exitCode: 0, stdout: `${chatterLines.join('\n')}\n` });
  expect((await rig.wtd('logs', 'talk', '--tail', '2')).stdout).toBe('out 3\nerr 3\n');
  expect((await rig.wtd('logs', '-n', '0', 'talk')).stdout).toBe('');
  const documents = (await rig.wtd('logs', 'talk', '--json')).stdout.trim().split('\n');
  expect(documents.map((line) => JSON.parse(line) as unknown)).toEqual(
    chatterLines.map((line, index) => ({ offset: index * 6, line })),
  );
  expect((await rig.wtd('logs', 'talk', '--from', '24')).stdout).toBe('out 3\nerr 3\n');
  expect((await rig.wtd('logs', 'talk', '--follow')).stdout).toBe(`${chatterLines.join('\n')}\n`);
});

test('following a log shows lines as they are written and ends when the run does', async () => {
  await using rig = await Rig.setUp();
  const { child } = await rig.startSteered('login');
  await child.print('one', 'two');
  await using follower = rig.spawnWtd(['logs', '-f', 'login']);
  await until(() => follower.stdout === 'one\ntwo\n', 'the follower has what was written before');

  await child.print('three');
  await until(() => follower.stdout.endsWith('three\n'), 'the follower has what was written since');
  await child.tell('printf unfinished; exit 0');

  expect(await follower.finished()).toMatchObject({ exitCode: 0, stdout: 'one\ntwo\nthree\nunfinished\n' });
});

test('a log is taken up again at the offset after the last line (plan.logs)', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  await child.print('één', 'two');
  await using client = await rig.connect();
  const items: { offset: number; line: string }[] = [];
  for await (const item of client.stream('plan.logs', { run: run.id })) items.push(item);
  expect(items).toEqual([
    { offset: 0, line: 'één' },
    { offset: 6, line: 'two' },
  ]);

  await child.print('three');
  const rest: unknown[] = [];
  for await (const item of client.stream('plan.logs', { run: run.id, from: 10 })) rest.push(item);
  expect(rest).toEqual([{ offset: 10, line: 'three' }]);
});

test('wait exits 0 only if all plans succeeded', async () => {
  await using rig = await Rig.setUp();
  const good = await rig.startSteered('good');
  await rig.start('fine', ['true']);
  const bad = await rig.startSteered('bad');
  await using forAll = rig.spawnWtd(['wait', 'good', 'bad', 'fine', '--json']);
  await using forGood = rig.spawnWtd(['wait', 'good', '--json']);

  await good.child.exit(0);
  expect((await forGood.finished()).json()).toMatchObject({ plan: 'good', state: 'succeeded' });
  expect((await forGood.finished()).exitCode).toBe(0);
  await bad.child.exit(3);
  const all = await forAll.finished();
  expect(all.exitCode).toBe(1);
  expect(all.json()).toMatchObject({
    runs: [
      { plan: 'good', state: 'succeeded', exitCode: 0 },
      { plan: 'bad', state: 'failed', reason: 'exit', exitCode: 3 },
      { plan: 'fine', state: 'succeeded' },
    ],
  });
  expect(await rig.wtd('wait', 'good', 'fine')).toMatchObject({ exitCode: 0 });
});

test('a wait that is given up ends with TIMEOUT and leaves the run alone', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('slow');
  const waited = await rig.wtd('wait', 'slow', '--timeout', '50ms', '--json');
  expect(waited.exitCode).toBe(124);
  expect(waited.json()).toMatchObject({ error: { data: { code: 'TIMEOUT' } } });
  expect(await rig.call('run.show', { run: run.id })).toMatchObject({ state: 'running' });
  await child.exit(0);
});

test('start --wait exits as the command did', async () => {
  await using rig = await Rig.setUp();
  expect(await rig.wtd('start', 'talk', '--wait', '--', ...chatter(0))).toMatchObject({ exitCode: 0 });

  const failed = await rig.wtd('start', 'talk', '--wait', '--json', '--', ...chatter(3));
  expect(failed.exitCode).toBe(3);
  expect(failed.json()).toMatchObject({ attempt: 2, state: 'failed', reason: 'exit', exitCode: 3, signal: null });

  const child = rig.steered('victim');
  await using waiting = rig.spawnWtd(['start', 'victim', '--wait', '--json', '--', ...child.command]);
  send(await child.untilStarted(), 'SIGTERM');
  const killed = await waiting.finished();
  expect(killed.exitCode).toBe(143);
  expect(killed.json()).toMatchObject({ state: 'failed', reason: 'signal', signal: 'SIGTERM', exitCode: null });

  const alike = await rig.wtd('start', 'alike', '--wait', '--json', '--', 'sh', '-c', 'exit 143');
  expect(alike.exitCode).toBe(143);
  expect(alike.json()).toMatchObject({ state: 'failed', reason: 'exit', signal: null, exitCode: 143 });
});

test('the second run of a plan has the same worktree, with the work that lies there, and the next attempt', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  await child.ask('echo half >notes.txt; git commit --quiet --allow-empty -m Half');
  await child.exit(1);
  await rig.wait('login');

  const again = (await rig.wtd('start', 'login', '--json')).json() as Run;
  await child.untilStarted(2);

  expect(again).toMatchObject({ attempt: 2, command: child.command, worktree: run.worktree, cwd: run.cwd });
  expect(again.id).not.toBe(run.id);
  expect(await child.ask('cat notes.txt; git log --format=%s; echo $WTD_FENCE')).toBe('half\nHalf\nBegin\n2');
  expect(rig.repository.worktrees()).toEqual([rig.repository.path, run.cwd]);
  const { runs } = await rig.call('run.list', { plan: 'login' });
  expect(runs.map(({ attempt, state }) => [attempt, state])).toEqual([
    [2, 'running'],
    [1, 'failed'],
  ]);
});

test('a plan that was written down first is started with its own command (plan.create, plan.start)', async () => {
  await using rig = await Rig.setUp();
  const child = rig.steered('later');
  const created = await rig.wtd('plan', 'create', 'later', '--json', '--', ...child.command);
  expect(created.json()).toMatchObject({ name: 'later', state: 'idle', worktree: null, run: null });
  expect(rig.repository.branches()).toEqual(['main']);

  expect(await rig.wtd('start', 'later')).toMatchObject({ exitCode: 0 });
  await child.untilStarted();
  const shown = (await rig.wtd('plan', 'show', 'later', '--json')).json();
  expect(shown).toMatchObject({ state: 'running', worktree: { branch: 'plan/later', kind: 'plan' } });
  await child.exit(0);
  // plan.wait answers at once when the run has long ended
  expect((await rig.wait('later')).id).toBe((await rig.wait('later')).id);
});
