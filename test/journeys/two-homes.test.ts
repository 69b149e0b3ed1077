import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { tryListen } from '../rig/listener.ts';
import { pidsOf } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';

test('daemons of two homes share a repository: names that collide are refused, and neither touches what is of the other', async () => {
  await using one = await Rig.setUp();
  await using two = await Rig.setUp();
  const repository = one.repository.path;
  const { run, child } = await one.startSteered('login');
  const path = run.cwd ?? '';

  const refusal = await two.refusal('plan.start', { plan: 'login', repository, command: ['true'] });
  expect(['ALREADY_EXISTS', 'BUSY']).toContain(refusal.code);
  expect(refusal.message).toContain(path);
  expect(await two.call('plan.list', {})).toEqual({ plans: [] });
  expect(one.repository.branches()).toEqual(['main', 'plan/login']);

  const other = await two.start('payment', ['sleep', '1000'], { repository });
  expect(one.repository.worktrees()).toEqual([repository, path, other.cwd]);
  await two.daemon.kill();
  await two.startDaemon();
  await two.call('plan.stop', { plan: 'payment', repository });
  await two.call('plan.remove', { plan: 'payment', repository });
  expect(one.repository.worktrees()).toEqual([repository, path]);
  expect(one.repository.branches()).toEqual(['main', 'plan/login']);
  expect(await two.refusal('plan.stop', { plan: 'login', repository })).toMatchObject({ code: 'NOT_FOUND' });
  await two.start('again', ['sleep', '1000'], { repository });
  await two.call('daemon.shutdown', { runs: 'stop' });
  expect(await two.daemon.ended()).toMatchObject({ exitCode: 0 });

  expect(pidsOf(run.id)).toHaveLength(2);
  expect(existsSync(path)).toBe(true);
  await child.exit(4);
  expect(await one.wait('login')).toMatchObject({ state: 'failed', exitCode: 4 });
});

test('a port range in which a run of another home listens is passed over', async () => {
  const config = { ports: { base: 21_340, range_size: 2, last: 21_347 } };
  await using one = await Rig.setUp({ config });
  await using two = await Rig.setUp({ config });
  const portsOf = async (rig: Rig, plan: string) =>
    (await rig.call('plan.show', { plan, repository: one.repository.path })).worktree?.ports?.start ?? 0;
  await one.start('login', ['sleep', '1000']);
  const start = await portsOf(one, 'login');
  await using _listener = await tryListen(start, '127.0.0.1');
  await two.start('payment', ['sleep', '1000'], { repository: one.repository.path });
  expect(await portsOf(two, 'payment')).not.toBe(start);
});

test('daemons of two homes never give out the same port, whatever their ranges, and a range given back is free for both', async () => {
  await using one = await Rig.setUp({ config: { ports: { base: 21_360, range_size: 4, last: 21_367 } } });
  await using two = await Rig.setUp({ config: { ports: { base: 21_358, range_size: 5, last: 21_372 } } });
  const create = async (rig: Rig, branch: string) => {
    const { created } = await rig.call('worktree.create', { repository: rig.repository.path, branches: [branch] });
    return created[0]?.ports;
  };
  expect(await create(one, 'a')).toEqual({ start: 21_360, end: 21_363 });
  expect(await create(two, 'b'), 'the first that overlaps with none of the other home').toEqual({
    start: 21_368,
    end: 21_372,
  });
  expect(await create(one, 'c')).toEqual({ start: 21_364, end: 21_367 });
  await one.call('worktree.remove', { repository: one.repository.path, worktree: 'a' });
  await one.daemon.kill();
  await one.startDaemon();
  expect(await create(two, 'd'), 'overlaps only with what was given back').toEqual({ start: 21_358, end: 21_362 });
  const { failed } = await one.call('worktree.create', { repository: one.repository.path, branches: ['e'] });
  expect(failed).toMatchObject([{ branch: 'e', error: { code: 'PORTS_EXHAUSTED' } }]);
  const { suggestions } = await one.refusal('plan.start', {
    repository: one.repository.path,
    plan: 'f',
    command: ['true'],
  });
  expect(suggestions).toContainEqual('21360-21363 is passed over, because a daemon of another home has given it out');
});

test('two homes make and remove plans of one repository at once, and nothing is left of either', async () => {
  await using one = await Rig.setUp({ config: { limits: { max_concurrent: 20 } } });
  await using two = await Rig.setUp({ config: { limits: { max_concurrent: 20 } } });
  const repository = one.repository.path;
  const work = async (rig: Rig, plan: string) => {
    await rig.start(plan, ['true'], { repository });
    await rig.call('plan.wait', { plan, repository });
    await rig.call('plan.remove', { plan, repository });
  };
  const names = Array.from({ length: 6 }, (_, at) => at);
  await Promise.all(names.flatMap((at) => [work(one, `one-${at}`), work(two, `two-${at}`)]));
  expect(one.repository.worktrees()).toEqual([repository]);
  expect(one.repository.branches()).toEqual(['main']);
});
