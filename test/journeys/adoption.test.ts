import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { isAlive, parentOf, pidsOf, send, untilGone } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const show = (rig: Rig, run: string) => rig.call('run.show', { run });

const logOf = async (rig: Rig, plan: string) => (await rig.wtd('logs', plan)).stdout;

test('runs go on when the daemon is killed, and the next one takes them over with every line and exit code', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 5 } } });
  const living = await rig.startSteered('living');
  const good = await rig.startSteered('good');
  const bad = await rig.startSteered('bad');
  const victim = await rig.startSteered('victim');
  await living.child.print('before');
  await good.child.print('before');

  await rig.daemon.kill();
  await living.child.print('without');
  await good.child.print('without');
  await good.child.exit(0);
  await bad.child.exit(3);
  send(victim.run.pid ?? 0, 'SIGTERM');
  for (const { run } of [good, bad, victim]) await until(() => pidsOf(run.id).length === 0, `${run.plan} ended`);
  const endedBy = Date.now();
  await until(() => Date.now() > endedBy + 100, 'the end lies clearly before the next daemon');
  await rig.startDaemon();

  const { id, attempt, pid, startedAt, cwd } = living.run;
  expect(await show(rig, id)).toMatchObject({ attempt, pid, startedAt, cwd, state: 'running' });
  expect(isAlive(living.run.pid ?? 0)).toBe(true);
  const ends = await Promise.all([good, bad, victim].map(({ run }) => rig.wait(run.plan)));
  expect(ends).toMatchObject([
    { id: good.run.id, pid: good.run.pid, state: 'succeeded', reason: null, exitCode: 0 },
    { id: bad.run.id, pid: bad.run.pid, state: 'failed', reason: 'exit', exitCode: 3 },
    { id: victim.run.id, pid: victim.run.pid, state: 'failed', reason: 'signal', signal: 'SIGTERM' },
  ]);
  for (const ended of ends) {
    const end = Date.parse(ended.endedAt ?? '');
    expect(end).toBeLessThanOrEqual(endedBy);
    expect(end).toBeGreaterThan(endedBy - 10_000);
    expect(ended.durationMs).toBe(end - Date.parse(ended.startedAt ?? ''));
  }
  await living.child.print('after');
  expect(await logOf(rig, 'living')).toBe('before\nwithout\nafter\n');
  expect(await logOf(rig, 'good')).toBe('before\nwithout\n');
  await living.child.exit(7);
  expect(await rig.wait('living')).toMatchObject({ id: living.run.id, state: 'failed', exitCode: 7 });
});

test('a plan whose run was taken over is still not started twice', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  for (let round = 1; round <= 3; round++) {
    await rig.daemon.kill();
    await rig.startDaemon();
    expect(await rig.refusal('plan.start', { plan: 'login', repository: rig.repository.path })).toMatchObject({
      code: 'DUPLICATE_RUN',
      run: run.id,
      pid: run.pid,
      state: 'running',
      startedAt: run.startedAt,
      worktree: run.cwd,
    });
  }
  expect(child.starts()).toEqual([run.pid]);
});

test('the queue goes on after the daemon was killed, also when the place became free meanwhile', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
  const first = await rig.startSteered('first');
  const second = rig.steered('second');
  const third = rig.steered('third');
  const runs = [await rig.start('second', second.command), await rig.start('third', third.command)];
  expect(runs.map(({ queuePosition }) => queuePosition)).toEqual([1, 2]);

  await rig.daemon.kill();
  await first.child.exit(0);
  await until(() => pidsOf(first.run.id).length === 0, 'the first ended');
  await rig.startDaemon();

  const pid = await second.untilStarted();
  await until(async () => (await show(rig, runs[0]?.id ?? '')).pid === pid, 'the second runs');
  expect(await show(rig, runs[1]?.id ?? '')).toMatchObject({ state: 'queued', queuePosition: 1 });
  await second.exit(0);
  await third.untilStarted();
});

test('a start during which the daemon is killed is made whole by the next one, or has made nothing', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 100 } } });
  const rounds = 8;
  for (let round = 0; round < rounds; round++) {
    const plan = `plan-${round}`;
    const child = rig.steered(plan);
    await using client = await rig.connect();
    const params = { plan, repository: rig.repository.path, command: child.command, env: rig.place.env };
    const answer = client.call('plan.start', params).then(
      ({ id }) => id,
      () => undefined,
    );
    await sleep(round * 12); // the moment of the kill, not a wait for anything
    await rig.daemon.kill();
    const acknowledged = await answer;
    await rig.startDaemon();

    const runs = (await rig.call('run.list', {})).runs.filter((run) => run.plan === plan);
    expect(runs.length).toBeLessThanOrEqual(1);
    if (acknowledged !== undefined) expect(runs[0]?.id).toBe(acknowledged);
    const run = runs[0] ?? (await rig.start(plan, child.command));
    await until(async () => (await show(rig, run.id)).state === 'running', `${plan} runs`);
    expect(await child.untilStarted()).toBe((await show(rig, run.id)).pid);
    expect(child.starts()).toHaveLength(1);
    expect(pidsOf(run.id)).toHaveLength(2);
  }
  const { plans } = await rig.call('plan.list', {});
  expect(plans.map(({ worktree }) => worktree?.path)).toEqual(
    plans.map(({ name }) => join(rig.repository.path, 'worktrees', `plan-${name}`)),
  );
  expect(rig.repository.worktrees()).toHaveLength(1 + rounds);
  expect(new Set(plans.map(({ ports }) => ports?.start)).size).toBe(rounds);
});

test('an adopted run is stopped whole', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  await child.fork();
  await child.forkEscaped();
  await rig.daemon.kill();
  await rig.startDaemon();
  expect(await rig.call('plan.stop', { plan: 'login' })).toMatchObject({ id: run.id, state: 'stopped' });
  expect(pidsOf(run.id)).toEqual([]);
});

test('SIGTERM and SIGINT end the daemon cleanly and leave the runs alive', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    expect(await rig.daemon.terminate(signal)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(isAlive(run.pid ?? 0)).toBe(true);
    await child.print(signal);
    await rig.startDaemon();
    expect(await show(rig, run.id)).toMatchObject({ pid: run.pid, state: 'running' });
  }
  await child.exit(0);
  expect(await rig.wait('login')).toMatchObject({ id: run.id, state: 'succeeded' });
  expect(await logOf(rig, 'login')).toBe('SIGTERM\nSIGINT\n');
});

test('a daemon that ends answers the starts under way first', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 100 } } });
  for (let round = 1; round <= 5; round++) {
    const plan = `plan-${round}`;
    const answer = rig.start(plan, ['sleep', '1000']).then(
      ({ id }) => id,
      () => undefined,
    );
    await sleep(round * 15); // the moment of the end, not a wait for anything
    expect(await rig.daemon.terminate()).toMatchObject({ exitCode: 0, stderr: '' });
    const told = await answer;
    await rig.startDaemon();
    const { runs } = await rig.call('run.list', {});
    expect(runs.find((run) => run.plan === plan)?.id, `round ${round}`).toBe(told);
  }
});

test('shutdown ends the daemon and leaves the runs alive (daemon.shutdown)', async () => {
  await using rig = await Rig.setUp();
  const { run } = await rig.startSteered('login');
  expect(await rig.wtd('shutdown')).toMatchObject({ exitCode: 0 });
  expect(await rig.daemon.ended()).toMatchObject({ exitCode: 0, stderr: '' });
  expect(isAlive(run.pid ?? 0)).toBe(true);
  expect(await rig.wtd('status')).toMatchObject({ exitCode: 69, stdout: '' });

  await rig.startDaemon();
  expect(await show(rig, run.id)).toMatchObject({ pid: run.pid, state: 'running' });
});

test('shutdown --stop-runs ends the runs first, those that wait in the queue as well', async () => {
  await using rig = await Rig.setUp({
    config: { limits: { max_concurrent: 2 }, orchestrator: { shutdown_timeout: '300ms' } },
  });
  const one = await rig.startSteered('one');
  const deaf = await rig.startSteered('deaf');
  await one.child.forkEscaped();
  await deaf.child.ignoreSignals();
  const waiting = rig.steered('waiting');
  const queued = await rig.start('waiting', waiting.command);

  expect(await rig.wtd('shutdown', '--stop-runs', '--json')).toMatchObject({ exitCode: 0, stdout: '{}\n' });

  expect(await rig.daemon.ended()).toMatchObject({ exitCode: 0, stderr: '' });
  expect([...pidsOf(one.run.id), ...pidsOf(deaf.run.id)]).toEqual([]);
  await rig.startDaemon();
  const ends = await Promise.all([one.run, deaf.run, queued].map(({ id }) => show(rig, id)));
  expect(ends.map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
  expect(waiting.starts()).toEqual([]);
});

test('a command whose parent shell was killed counts as running until it ends, and is then lost', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  const shim = parentOf(run.pid ?? 0);
  send(shim, 'SIGKILL');
  await untilGone(shim);

  await child.print('still here');
  expect(await show(rig, run.id)).toMatchObject({ state: 'running', pid: run.pid });
  expect(await rig.refusal('plan.start', { plan: 'login', repository: rig.repository.path })).toMatchObject({
    code: 'DUPLICATE_RUN',
  });
  for (const end of ['kill', 'terminate'] as const) {
    await rig.daemon[end]();
    await rig.startDaemon();
    expect(await show(rig, run.id)).toMatchObject({ state: 'running', pid: run.pid });
  }

  await child.exit(0);
  expect(await rig.wait('login')).toMatchObject({ id: run.id, state: 'lost', reason: 'killed', exitCode: null });
  expect(await logOf(rig, 'login')).toBe('still here\n');
  expect(await rig.call('plan.restart', { plan: 'login' })).toMatchObject({ attempt: 2, state: 'running' });
});

test('a command whose parent shell was killed can be stopped', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  await child.fork();
  const shim = parentOf(run.pid ?? 0);
  send(shim, 'SIGKILL');
  await untilGone(shim);
  expect(await rig.call('plan.stop', { plan: 'login' })).toMatchObject({ id: run.id, state: 'stopped' });
  expect(pidsOf(run.id)).toEqual([]);
});

test.each(['while the daemon lives', 'while no daemon lives'])(
  'a run that is killed whole %s is lost',
  async (when) => {
    await using rig = await Rig.setUp();
    const { run } = await rig.startSteered('login');
    if (when === 'while no daemon lives') await rig.daemon.kill();
    // Parent first, so that it cannot write down how its child ended.
    for (const pid of [parentOf(run.pid ?? 0), run.pid ?? 0]) {
      send(pid, 'SIGKILL');
      await untilGone(pid);
    }
    if (when === 'while no daemon lives') await rig.startDaemon();
    expect(await rig.wait('login')).toMatchObject({
      id: run.id,
      state: 'lost',
      reason: 'killed',
      exitCode: null,
      signal: null,
    });
    expect(await rig.call('plan.show', { plan: 'login' })).toMatchObject({ state: 'lost' });
  },
);

test('a client that waits when the daemon dies is told so, and can wait again', async () => {
  await using rig = await Rig.setUp();
  const { child } = await rig.startSteered('login');
  await using waiting = rig.spawnWtd(['wait', 'login', '--json']);
  await until(async () => (await rig.call('daemon.status', {})).counts.connections === 2, 'the client is connected');
  await rig.daemon.kill();
  const told = await waiting.finished();
  expect(told.exitCode).toBe(69);
  expect(told.json()).toMatchObject({ error: { data: { code: 'UNAVAILABLE' } } });

  await rig.startDaemon();
  await using again = rig.spawnWtd(['wait', 'login']);
  await child.exit(0);
  expect(await again.finished()).toMatchObject({ exitCode: 0 });
});

test('a daemon that ends in the middle of a stop leaves nothing standing still', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  await child.ignoreSignals();
  const pid = await child.fork();
  const stopping = rig.call('plan.stop', { plan: 'login', timeoutMs: 600_000 }).catch(() => undefined);
  await until(async () => (await rig.call('run.show', { run: run.id })).state === 'stopping', 'the run is stopping');
  await rig.daemon.terminate();
  await stopping;
  const states = [pid, run.pid ?? 0].map((each) => readFileSync(`/proc/${each}/stat`, 'latin1').split(') ')[1]?.[0]);
  expect(states).toEqual(['S', 'S']);
  await rig.startDaemon();
  await rig.call('plan.stop', { plan: 'login', force: true });
  expect(pidsOf(run.id)).toEqual([]);
});
