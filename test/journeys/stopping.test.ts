import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import SqliteDatabase from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Run } from '../../src/contract/models.ts';
import { isAlive, parentOf, pidsOf, send, untilGone } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const patient = { orchestrator: { shutdown_timeout: '10m' } };

test('stop answers when the whole tree is gone: the command, what it started, and what escaped its session', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  const fork = await child.fork();
  const escaped = await child.forkEscaped();
  const shim = parentOf(run.pid ?? 0);
  expect(pidsOf(run.id).sort()).toEqual([shim, run.pid, fork, escaped].sort());

  const stopped = await rig.wtd('stop', 'login', '--json');

  expect([shim, run.pid ?? 0, fork, escaped].filter(isAlive)).toEqual([]);
  expect(stopped.exitCode).toBe(0);
  expect(stopped.json()).toMatchObject({ id: run.id, state: 'stopped', reason: null, signal: 'SIGTERM' });
  expect(existsSync(run.cwd ?? '')).toBe(true);
  expect(await rig.call('plan.show', { plan: 'login' })).toMatchObject({ state: 'stopped' });
});

test('a command may tidy up after TERM, and its exit code is kept', async () => {
  await using rig = await Rig.setUp({ config: patient });
  const { child } = await rig.startSteered('login');
  const file = join(rig.place.directory, 'tidy');
  await child.ask(`trap 'echo tidy >${file}; exit 7' TERM`);
  expect(await rig.call('plan.stop', { plan: 'login' })).toMatchObject({
    state: 'stopped',
    exitCode: 7,
    signal: null,
  });
  expect(existsSync(file)).toBe(true);
});

test('what ignores TERM is killed when the timeout is over', async () => {
  await using rig = await Rig.setUp({ config: patient });
  const { run, child } = await rig.startSteered('login');
  await child.ignoreSignals();
  const deaf = [run.pid ?? 0, await child.fork(), await child.forkEscaped()];

  const began = performance.now();
  const stopped = await rig.wtd('stop', 'login', '--timeout', '300ms', '--json');

  expect(performance.now() - began).toBeGreaterThan(300);
  expect(stopped.json()).toMatchObject({ state: 'stopped', signal: 'SIGKILL', exitCode: null });
  expect(deaf.filter(isAlive)).toEqual([]);
  expect(pidsOf(run.id)).toEqual([]);
});

test('orchestrator.shutdown_timeout is how long stop waits when nothing else is said', async () => {
  await using rig = await Rig.setUp({ config: { orchestrator: { shutdown_timeout: '200ms' } } });
  const { run, child } = await rig.startSteered('login');
  await child.ignoreSignals();
  expect(await rig.call('plan.stop', { plan: 'login' })).toMatchObject({ state: 'stopped', signal: 'SIGKILL' });
  expect(pidsOf(run.id)).toEqual([]);
});

test('a process that was stopped by a signal is ended as well', async () => {
  await using rig = await Rig.setUp({ config: patient });
  const { run } = await rig.startSteered('login');
  send(run.pid ?? 0, 'SIGSTOP');
  expect(await rig.call('plan.stop', { plan: 'login' })).toMatchObject({ state: 'stopped', signal: 'SIGTERM' });
  expect(isAlive(run.pid ?? 0)).toBe(false);
});

test('stop --force kills at once', async () => {
  await using rig = await Rig.setUp({ config: patient });
  const { run, child } = await rig.startSteered('login');
  const file = join(rig.place.directory, 'tidy');
  await child.ask(`trap 'echo tidy >${file}' TERM`);
  const tree = [await child.fork(), await child.forkEscaped()];

  const stopped = await rig.wtd('stop', 'login', '--force', '--json');

  expect(stopped.json()).toMatchObject({ id: run.id, state: 'stopped', signal: 'SIGKILL' });
  expect(tree.filter(isAlive)).toEqual([]);
  expect(existsSync(file)).toBe(false);
});

test('an impatient second stop --force cuts the grace of the first', async () => {
  await using rig = await Rig.setUp({ config: patient });
  const { run, child } = await rig.startSteered('login');
  await child.ignoreSignals();
  await using patiently = rig.spawnWtd(['stop', 'login', '--json']);
  await until(
    async () => (await rig.call('run.show', { run: run.id })).state === 'stopping',
    'the first stop is under way',
  );
  expect(isAlive(run.pid ?? 0)).toBe(true);

  expect((await rig.wtd('stop', 'login', '--force', '--json')).json()).toMatchObject({ state: 'stopped' });
  expect((await patiently.finished()).json()).toMatchObject({ id: run.id, state: 'stopped', signal: 'SIGKILL' });
});

test('a stop of a queued run takes it from the queue, and nothing of it is ever made', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
  const first = await rig.startSteered('first');
  const second = rig.steered('second');
  await rig.start('second', second.command);
  const third = await rig.start('third', ['sleep', '1000']);
  expect(third.queuePosition).toBe(2);

  expect((await rig.wtd('stop', 'second', '--json')).json()).toMatchObject({
    state: 'stopped',
    pid: null,
    startedAt: null,
    exitCode: null,
  });
  expect(await rig.call('run.show', { run: third.id })).toMatchObject({ state: 'queued', queuePosition: 1 });
  await first.child.exit(0);
  await until(async () => (await rig.call('run.show', { run: third.id })).state === 'running', 'the third runs');
  expect(second.starts()).toEqual([]);
  expect(rig.repository.branches()).toEqual(['main', 'plan/first', 'plan/third']);
});

test('a stop of what has ended changes nothing, and of what never ran is refused', async () => {
  await using rig = await Rig.setUp();
  await rig.start('done', ['true']);
  const done = await rig.wait('done');
  expect(await rig.call('plan.stop', { plan: 'done' })).toEqual(done);

  await rig.call('plan.create', { name: 'idle', repository: rig.repository.path });
  expect(await rig.refusal('plan.stop', { plan: 'idle' })).toMatchObject({ code: 'INVALID_STATE', state: 'idle' });
  const unknown = await rig.wtd('stop', 'dome', '--json');
  expect(unknown.exitCode).toBe(3);
  expect(unknown.json()).toMatchObject({ error: { data: { code: 'NOT_FOUND', kind: 'plan', name: 'dome' } } });
});

test('restart stops the run and starts the same command again', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  const fork = await child.fork();

  const restarted = (await rig.wtd('restart', 'login', '--json')).json() as Run;

  expect(restarted).toMatchObject({ state: 'running', attempt: 2, command: child.command, cwd: run.cwd });
  expect([run.pid ?? 0, fork].filter(isAlive)).toEqual([]);
  expect(await child.untilStarted(2)).toBe(restarted.pid);
  expect(await rig.call('run.show', { run: run.id })).toMatchObject({ state: 'stopped' });
  await child.exit(4);
  await rig.wait('login');
  expect(await rig.call('plan.restart', { plan: 'login' })).toMatchObject({ attempt: 3, state: 'running' });
});

test('what a command leaves behind in its session is ended with it; what left the session stays', async () => {
  await using rig = await Rig.setUp({ config: { orchestrator: { shutdown_timeout: '200ms' } } });
  const { run, child } = await rig.startSteered('login');
  const fork = await child.fork();
  const escaped = await child.forkEscaped();
  await child.ignoreSignals();
  const deaf = await child.fork();

  await child.exit(0);

  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded', exitCode: 0 });
  expect([fork, deaf].filter(isAlive)).toEqual([]);
  expect(pidsOf(run.id)).toEqual([escaped]);
});

test('a stop of a run whose command has ended, but left something that will not end, ends that too', async () => {
  await using rig = await Rig.setUp({ config: patient });
  const { run, child } = await rig.startSteered('login');
  await child.ignoreSignals();
  const deaf = await child.fork();
  await child.exit(3);
  await untilGone(run.pid ?? 0);
  expect(await rig.call('run.show', { run: run.id })).toMatchObject({ state: 'running' });

  const stopped = await rig.wtd('stop', 'login', '--force', '--json');

  expect(stopped.json()).toMatchObject({ id: run.id, state: 'stopped', exitCode: 3 });
  expect(isAlive(deaf)).toBe(false);
});

test('a stop that the daemon did not survive is finished by the next one', async () => {
  await using rig = await Rig.setUp({ config: { orchestrator: { shutdown_timeout: '500ms' } } });
  const { run, child } = await rig.startSteered('login');
  await child.ignoreSignals();
  await using client = await rig.connect();
  const interrupted = client.call('plan.stop', { plan: 'login', timeoutMs: 600_000 });
  const failure = expect(interrupted).rejects.toMatchObject({ data: { code: 'UNAVAILABLE' } });
  await until(async () => (await rig.call('run.show', { run: run.id })).state === 'stopping', 'the run is stopping');
  await rig.daemon.kill();
  await failure;
  expect(isAlive(run.pid ?? 0)).toBe(true);

  await rig.startDaemon();
  await using next = await rig.connect();
  const patient = next.call('plan.stop', { plan: 'login', timeoutMs: 600_000 });
  expect((await rig.call('run.show', { run: run.id })).state).toBe('stopping'); // with the grace that was asked for
  await rig.call('plan.stop', { plan: 'login', timeoutMs: 100 });

  expect(await patient).toMatchObject({ id: run.id, state: 'stopped', signal: 'SIGKILL' });
  expect(pidsOf(run.id)).toEqual([]);
});

/** A stranger that has the pid a dead daemon wrote down, and started at another time. */
function startDecoy(): { pid: number } & Disposable {
  const decoy = spawn('sleep', ['1000'], { stdio: 'ignore', detached: true });
  if (decoy.pid === undefined) throw new Error('the decoy could not be started');
  return {
    pid: decoy.pid,
    [Symbol.dispose]() {
      decoy.kill('SIGKILL');
    },
  };
}

function writeDown(rig: Rig, run: string, pids: { child: number; parent: number }): void {
  const database = new SqliteDatabase(join(rig.place.home, 'wtd.db'), { fileMustExist: true });
  const sentence = `UPDATE runs SET pid = ?, process_start = '1', parent_pid = ?, parent_start = '1' WHERE id = ?`;
  expect(database.prepare(sentence).run(pids.child, pids.parent, run).changes).toBe(1);
  database.close();
}

test('a stranger that has the recorded pid is never signalled, and the run itself is ended', async () => {
  await using rig = await Rig.setUp();
  using decoy = startDecoy();
  using decoyParent = startDecoy();
  const { run } = await rig.startSteered('login');
  await rig.daemon.kill();
  writeDown(rig, run.id, { child: decoy.pid, parent: decoyParent.pid });
  await rig.startDaemon();

  expect((await rig.wtd('stop', 'login', '--force', '--json')).json()).toMatchObject({ state: 'stopped' });

  expect([decoy.pid, decoyParent.pid].filter(isAlive)).toHaveLength(2);
  expect(pidsOf(run.id)).toEqual([]);
});

test('a stranger that has the recorded pid does not keep a dead run alive', async () => {
  await using rig = await Rig.setUp();
  using decoy = startDecoy();
  const { run } = await rig.startSteered('login');
  await rig.daemon.kill();
  const pids = pidsOf(run.id);
  for (const pid of pids) send(pid, 'SIGKILL');
  for (const pid of pids) await untilGone(pid);
  writeDown(rig, run.id, { child: decoy.pid, parent: decoy.pid });
  await rig.startDaemon();

  expect(await rig.wait('login')).toMatchObject({ id: run.id, state: 'lost', reason: 'killed' });
  await rig.wtd('stop', 'login', '--force');
  expect(isAlive(decoy.pid)).toBe(true);
});

test('a process that forks and ends without end is ended', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  const file = join(rig.place.directory, 'storm');
  writeFileSync(file, `#!/bin/sh\ntrap '' TERM\necho >>${file}.count\n"$0" &\n`, { mode: 0o755 });
  await child.ask(`(${file} 3<&- &); (${file} 3<&- &)`);
  await until(() => existsSync(`${file}.count`) && readFileSync(`${file}.count`).length > 20, 'it storms');

  const stopped = await rig.call('plan.stop', { plan: 'login', force: true });

  expect(stopped).toMatchObject({ state: 'stopped', signal: 'SIGKILL' });
  expect(pidsOf(run.id)).toEqual([]);
});

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

test.each([
  { how: 'in a session of its own', word: 'setsid', lives: true },
  { how: 'as a part of the run', word: '', lives: false },
])('a daemon of another home that a run has started $how: its runs outlive a stop', async ({ word, lives }) => {
  await using rig = await Rig.setUp();
  await using inner = await Rig.setUp({ daemon: false });
  const outer = await rig.startSteered('outer');
  const variables = `-u WTD_SOCKET WTD_HOME=${inner.place.home}`;
  await outer.child.tell(`env ${variables} ${word} ${process.execPath} ${program} daemon >/dev/null 2>&1 3<&- &`);
  const { pid } = await until(() => inner.call('daemon.status', {}), 'the inner daemon serves');
  const nested = await inner.startSteered('nested');
  const shim = parentOf(nested.run.pid ?? 0);
  expect(parentOf(shim)).toBe(pid);
  expect(pidsOf(outer.run.id)).toContain(pid);

  expect(await rig.call('plan.stop', { plan: 'outer' })).toMatchObject({ id: outer.run.id, state: 'stopped' });

  expect(pidsOf(outer.run.id)).toEqual(lives ? [pid] : []);
  expect([nested.run.pid ?? 0, shim].filter(isAlive)).toHaveLength(2);
  await nested.child.print('it goes on');
  if (!lives) await inner.startDaemon();
  const stopped = await inner.call('plan.stop', { plan: 'nested', repository: inner.repository.path });
  expect(stopped).toMatchObject({ id: nested.run.id, state: 'stopped', signal: 'SIGTERM' });
});
