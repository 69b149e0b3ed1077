import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { expect, test } from 'vitest';
import { RemoteError } from '../../src/client/errors.ts';
import type { Run } from '../../src/contract/models.ts';
import { Daemon } from '../rig/daemon.ts';
import { parentOf, pidsAround, pidsOf } from '../rig/processes.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

/** What the calls were answered with: results, and the data of refusals. */
async function sort<T>(calls: readonly Promise<T>[]) {
  const settled = await Promise.allSettled(calls);
  return {
    answers: settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
    refusals: settled.flatMap((one) => {
      if (one.status === 'fulfilled') return [];
      if (one.reason instanceof RemoteError) return [one.reason.data];
      throw one.reason;
    }),
  };
}

/** The commands that a hint names, as arguments of wtd. */
const commandsIn = (hint: unknown): string[][] =>
  [...String(hint).matchAll(/`wtd ([^`]+)`/g)].map(([, command = '']) => command.split(' '));

test('of 500 plan.start of one plan at once, over 20 connections, one starts and 499 are told where it runs', async () => {
  await using rig = await Rig.setUp();
  const child = rig.steered('login');
  const params = { plan: 'login', repository: rig.repository.path, command: child.command, env: rig.place.env };
  const clients = await Promise.all(Array.from({ length: 20 }, () => rig.connect()));

  const calls = clients.flatMap((client) => Array.from({ length: 25 }, () => client.call('plan.start', params)));
  const { answers, refusals } = await sort(calls);

  expect([answers.length, refusals.length]).toEqual([1, 499]);
  const [run] = answers as [Run];
  const { id, pid, state, startedAt, cwd } = run;
  expect(state).toBe('running');
  const hint = expect.stringMatching(/`wtd .*`/) as string;
  const expected = { code: 'DUPLICATE_RUN', hint, run: id, pid, state, startedAt, worktree: cwd };
  expect(refusals).toEqual(Array.from({ length: 499 }, () => expected));

  await child.untilStarted();
  expect(child.starts()).toEqual([pid]);
  expect(pidsOf(id)).toHaveLength(2);
  expect(pidsAround(rig.place.home).sort()).toEqual([rig.daemon.pid, ...pidsOf(id)].sort());
  expect((await rig.call('run.list', {})).runs).toEqual([expect.objectContaining({ id })]);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path, cwd]);
  for (const client of clients) await client[Symbol.asyncDispose]();
});

test('the commands in the hint of DUPLICATE_RUN work as they stand, from anywhere', async () => {
  await using rig = await Rig.setUp();
  const other = makeRepository(rig.place, 'other');
  await rig.start('login', ['sleep', '1000'], { repository: other.path });
  const { run, child } = await rig.startSteered('login');
  await child.print('hello');

  const again = await rig.wtd('start', 'login', '--', 'true');
  expect(again.exitCode).toBe(5);
  expect(again.stderr).toContain(String(run.pid));
  const { hint } = await rig.refusal('plan.start', { plan: 'login', repository: rig.repository.path });
  const [follow = [], stop = []] = commandsIn(hint);
  expect([follow[0], stop[0]]).toEqual(['logs', 'stop']);
  await using follower = rig.spawnWtd(follow, { cwd: '/' });
  await until(() => follower.stdout === 'hello\n', 'the hint shows the log');

  expect(await rig.spawnWtd(stop, { cwd: '/' }).finished()).toMatchObject({ exitCode: 0 });
  expect(await follower.finished()).toMatchObject({ exitCode: 0, stdout: 'hello\n' });
  expect(pidsOf(run.id)).toEqual([]);
  expect(await rig.call('run.show', { run: run.id })).toMatchObject({ state: 'stopped' });
});

test('a plan of the same name in another repository is another plan', async () => {
  await using rig = await Rig.setUp();
  const other = makeRepository(rig.place, 'other');
  const [here, there] = await Promise.all([
    rig.start('login', ['sleep', '1000']),
    rig.start('login', ['sleep', '1000'], { repository: other.path }),
  ]);
  expect([here.state, there.state]).toEqual(['running', 'running']);
  expect([here.repository, there.repository]).toEqual(['shop', 'other']);
});

test('a plan that is queued counts as active', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
  await rig.start('first', ['sleep', '1000']);
  const queued = await rig.start('second', ['sleep', '1000']);
  expect(await rig.refusal('plan.start', { plan: 'second', repository: rig.repository.path })).toMatchObject({
    code: 'DUPLICATE_RUN',
    run: queued.id,
    state: 'queued',
    pid: null,
    startedAt: queued.queuedAt,
    worktree: null,
  });
});

test('registered and supervised runs of a plan keep each other out (run.register)', async () => {
  await using rig = await Rig.setUp();
  const repository = rig.repository.path;
  const { run, child } = await rig.startSteered('login');
  expect(await rig.refusal('run.register', { plan: 'login', repository, pid: process.pid })).toMatchObject({
    code: 'DUPLICATE_RUN',
    run: run.id,
    pid: run.pid,
    worktree: run.cwd,
  });
  await child.exit(0);
  await rig.wait('login');

  const registered = await rig.call('run.register', { plan: 'login', repository, pid: process.pid });
  expect(await rig.refusal('plan.start', { plan: 'login', repository })).toMatchObject({
    code: 'DUPLICATE_RUN',
    run: registered.run,
    pid: process.pid,
    state: 'running',
    worktree: registered.cwd,
  });
  await rig.call('run.finish', { run: registered.run, token: registered.token, exitCode: 0 });
  expect(await rig.start('login', ['true'])).toMatchObject({ attempt: 3 });
});

test('of starts and registrations at once one wins', async () => {
  await using rig = await Rig.setUp();
  const repository = rig.repository.path;
  const child = rig.steered('login');
  await rig.call('plan.create', { name: 'login', repository, command: child.command });
  await using client = await rig.connect();
  const params = { plan: 'login', repository };
  const { answers, refusals } = await sort<unknown>(
    Array.from({ length: 10 }, () => [
      client.call('plan.start', params),
      client.call('run.register', { ...params, pid: process.pid }),
    ]).flat(),
  );

  expect(answers).toHaveLength(1);
  expect(refusals.map(({ code }) => code)).toEqual(Array.from({ length: 19 }, () => 'DUPLICATE_RUN'));
  const { runs } = await rig.call('run.list', { active: true });
  expect(runs).toHaveLength(1);
  expect(child.starts().length).toBe(runs[0]?.kind === 'supervised' ? 1 : 0);
});

test('a parent shell that comes up late, after the next daemon gave its start up, carries nothing out', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
  const first = await rig.startSteered('first');
  const second = rig.steered('second');
  const queued = await rig.start('second', second.command);
  const parent = readFileSync(`/proc/${parentOf(first.run.pid ?? 0)}/cmdline`, 'utf8').split('\0');
  const [shell = '', script = '', directory = ''] = parent.map((word) => word.replace(first.run.id, queued.id));
  await rig.daemon.kill();
  // As a daemon leaves it that is killed between the spawn of the parent shell and its first act.
  mkdirSync(directory, { mode: 0o700 });
  execFileSync('mkfifo', ['-m', '600', join(directory, 'alive'), join(directory, 'start')]);
  const database = new SqliteDatabase(join(rig.place.home, 'wtd.db'), { fileMustExist: true });
  database.prepare(`UPDATE runs SET state = 'starting' WHERE id = ?`).run(queued.id);
  database.close();
  await rig.startDaemon();
  expect(await rig.call('run.show', { run: queued.id })).toMatchObject({ state: 'queued', queuePosition: 1 });

  const env = { ...rig.place.env, WTD_RUN: queued.id };
  const late = spawn(shell, [script, directory, ...second.command], { env, stdio: 'ignore', detached: true });
  await until(() => late.exitCode !== null || second.starts().length > 0, 'the late parent did something');

  expect([second.starts(), late.exitCode]).toEqual([[], 125]);
  await first.child.exit(0);
  const pid = await second.untilStarted();
  await until(async () => (await rig.call('run.show', { run: queued.id })).pid === pid, 'the run is known to run');
  expect(second.starts()).toEqual([pid]);
});

/** The long count is 200. */
const rounds = Number(process.env['WTD_ROUNDS'] ?? 20);
const title = `of two daemons started at once on a stale socket one serves and the other exits 9, ${rounds} times`;

test(title, { timeout: 60_000 + rounds * 3000 }, async () => {
  await using rig = await Rig.setUp();
  const { run } = await rig.startSteered('login');
  await rig.daemon.kill();
  for (let round = 1; round <= rounds; round++) {
    expect(existsSync(rig.place.socket)).toBe(true);
    const daemons = [new Daemon(rig.place), new Daemon(rig.place)];
    try {
      const serving = await Promise.all(daemons.map((daemon) => daemon.untilDecided()));
      expect(serving.toSorted(), `round ${round}`).toEqual([false, true]);
      const loser = daemons[serving.indexOf(false)];
      const end = await loser?.ended();
      expect(end).toMatchObject({ exitCode: 9, stdout: '' });
      expect(end?.stderr).toContain('wtd shutdown');
      const { pid } = await rig.call('daemon.status', {});
      expect(pid).toBe(daemons[serving.indexOf(true)]?.pid);
    } finally {
      for (const daemon of daemons) await daemon.kill();
    }
  }
  expect(pidsOf(run.id)).toHaveLength(2);
});
