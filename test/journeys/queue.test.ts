import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Run } from '../../src/contract/models.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const plentyMb = 1_000_000_000_000;

const limits = (values: Record<string, unknown>) => ({ limits: values });

const show = (rig: Rig, { id }: Run) => rig.call('run.show', { run: id });

const untilRunning = (rig: Rig, run: Run) =>
  until(async () => (await show(rig, run)).state === 'running', `${run.plan} runs`);

/** Everything that a refused start could have made. */
async function takeStock(rig: Rig) {
  const { repositories } = await rig.call('repository.list', {});
  const { plans } = await rig.call('plan.list', {});
  const { runs } = await rig.call('run.list', {});
  const { events } = await rig.call('event.list', {});
  return {
    repositories: repositories.map(({ name }) => name),
    plans: plans.map(({ name, command, base, file }) => ({ name, command, base, file })),
    runs: runs.map(({ id, state }) => ({ id, state })),
    lastEvent: events.at(-1)?.seq,
    branches: rig.repository.branches(),
    worktrees: rig.repository.worktrees(),
    directories: readdirSync(join(rig.place.home, 'runs')),
  };
}

test('more plans than places wait in the queue and start in the order they came', async () => {
  await using rig = await Rig.setUp({ config: limits({ max_concurrent: 1 }) });
  const first = await rig.startSteered('first');
  const names = ['second', 'third', 'fourth'];
  const children = names.map((name) => rig.steered(name));
  const runs: Run[] = [];
  for (const [index, name] of names.entries()) runs.push(await rig.start(name, children[index]?.command ?? []));
  expect(runs.map(({ state, queuePosition, pid, startedAt }) => [state, queuePosition, pid, startedAt])).toEqual([
    ['queued', 1, null, null],
    ['queued', 2, null, null],
    ['queued', 3, null, null],
  ]);
  expect(await rig.call('status.get', {})).toMatchObject({ limits: { maxConcurrent: 1, running: 1, queued: 3 } });

  await first.child.exit(0);
  for (const [index, child] of children.entries()) {
    await child.untilStarted();
    expect(children.map((one) => one.starts().length)).toEqual(names.map((_, other) => (other <= index ? 1 : 0)));
    const positions = await Promise.all(runs.map(async (run) => (await show(rig, run)).queuePosition));
    expect(positions).toEqual(names.map((_, other) => (other <= index ? null : other - index)));
    await child.exit(0);
  }
  for (const name of names) expect(await rig.wait(name)).toMatchObject({ state: 'succeeded' });
});

test('of many starts at once as many run as there are places, and the others have places in the queue', async () => {
  await using rig = await Rig.setUp({ config: limits({ max_concurrent: 2 }) });
  const names = Array.from({ length: 10 }, (_, index) => `plan-${index}`);
  const runs = await Promise.all(names.map((name) => rig.start(name, ['sleep', '1000'])));
  expect(runs.filter(({ state }) => state === 'running')).toHaveLength(2);
  const { runs: queued } = await rig.call('run.list', { active: true });
  const positions = queued.flatMap(({ queuePosition }) => queuePosition ?? []);
  expect(positions.sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test('who would rather not wait is refused with LIMIT_REACHED, and nothing is made', async () => {
  await using rig = await Rig.setUp({ config: limits({ max_concurrent: 1 }) });
  await rig.start('first', ['sleep', '1000']);
  const before = await takeStock(rig);

  const refused = await rig.wtd('start', 'second', '--when-full', 'refuse', '--json', '--', 'true');
  expect(refused.exitCode).toBe(6);
  expect(refused.json()).toMatchObject({
    error: {
      code: 1004,
      data: {
        code: 'LIMIT_REACHED',
        limit: 'limits.max_concurrent',
        current: 1,
        max: 1,
        suggestions: expect.arrayContaining([expect.stringContaining('wtd daemon reload')]) as string[],
      },
    },
  });
  const repository = rig.repository.path;
  expect(await rig.refusal('run.register', { plan: 'second', repository })).toMatchObject({
    code: 'LIMIT_REACHED',
    limit: 'limits.max_concurrent',
  });
  expect(await takeStock(rig)).toEqual(before);
});

test('the queue has an end', async () => {
  await using rig = await Rig.setUp({ config: limits({ max_concurrent: 1, queue_size: 1 }) });
  await rig.start('first', ['sleep', '1000']);
  await rig.start('second', ['sleep', '1000']);
  const before = await takeStock(rig);
  const params = { plan: 'third', repository: rig.repository.path, command: ['true'] };
  expect(await rig.refusal('plan.start', params)).toMatchObject({
    code: 'LIMIT_REACHED',
    limit: 'limits.queue_size',
    current: 1,
    max: 1,
    suggestions: expect.any(Array) as string[],
  });
  expect(await takeStock(rig)).toEqual(before);
});

test('a repository that is full lets those of another pass', async () => {
  await using rig = await Rig.setUp({ config: limits({ max_concurrent: 3, max_per_repository: 1 }) });
  const other = makeRepository(rig.place, 'other');
  const first = await rig.startSteered('first');
  const second = await rig.start('second', ['sleep', '1000']);
  expect(second).toMatchObject({ state: 'queued', queuePosition: 1 });
  const elsewhere = await rig.start('elsewhere', ['sleep', '1000'], { repository: other.path });
  expect(elsewhere.state).toBe('running');
  const params = { plan: 'third', repository: 'shop', command: ['true'], whenFull: 'refuse' as const };
  expect(await rig.refusal('plan.start', params)).toMatchObject({
    code: 'LIMIT_REACHED',
    limit: 'limits.max_per_repository',
    current: 1,
    max: 1,
  });

  const behind = await rig.start('behind', ['sleep', '1000'], { repository: other.path });
  expect(behind.state).toBe('queued');
  await first.child.exit(0);
  await untilRunning(rig, second);
  expect((await show(rig, behind)).state).toBe('queued');
});

test('the queue survives a restart of the daemon, with its order and the environment of each', async () => {
  await using rig = await Rig.setUp({ config: limits({ max_concurrent: 1 }) });
  const first = await rig.startSteered('first');
  const second = rig.steered('second');
  const third = rig.steered('third');
  const waiting = [
    await rig.start('second', second.command, { env: { ...rig.place.env, WHO: 'two' } }),
    await rig.start('third', third.command, { env: { ...rig.place.env, WHO: 'three' } }),
  ];
  expect(await rig.daemon.terminate()).toMatchObject({ exitCode: 0 });
  await rig.startDaemon();
  const found = await Promise.all(waiting.map((run) => show(rig, run)));
  expect(found.map(({ state, queuePosition }) => [state, queuePosition])).toEqual([
    ['queued', 1],
    ['queued', 2],
  ]);

  await first.child.exit(0);
  await second.untilStarted();
  expect(await second.ask('echo $WHO')).toBe('two');
  expect(third.starts()).toEqual([]);
  await second.exit(0);
  await third.untilStarted();
  expect(await third.ask('echo $WHO')).toBe('three');
});

test.each(['wtd daemon reload', 'SIGHUP'])(
  'a higher limit starts the next at once, after %s (daemon.reload)',
  async (how) => {
    await using rig = await Rig.setUp({ config: limits({ max_concurrent: 1 }) });
    await rig.start('first', ['sleep', '1000']);
    const second = await rig.start('second', ['sleep', '1000']);
    const third = await rig.start('third', ['sleep', '1000']);

    rig.place.configure(limits({ max_concurrent: 2 }));
    expect((await show(rig, second)).state).toBe('queued');
    if (how === 'SIGHUP') rig.daemon.reload();
    else expect(await rig.wtd('daemon', 'reload')).toMatchObject({ exitCode: 0 });

    await untilRunning(rig, second);
    expect(await show(rig, third)).toMatchObject({ state: 'queued', queuePosition: 1 });
  },
);

test('a lower limit stops nobody', async () => {
  await using rig = await Rig.setUp({ config: limits({ max_concurrent: 2 }) });
  const first = await rig.startSteered('first');
  const second = await rig.startSteered('second');
  const third = await rig.start('third', ['sleep', '1000']);
  rig.place.configure(limits({ max_concurrent: 1 }));
  await rig.call('daemon.reload', {});

  await first.child.exit(0);
  await rig.wait('first');
  expect([(await show(rig, second.run)).state, (await show(rig, third)).state]).toEqual(['running', 'queued']);
  await second.child.exit(0);
  await untilRunning(rig, third);
});

test('a queued run whose program is gone when its turn comes fails, and the queue goes on', async () => {
  await using rig = await Rig.setUp({ config: limits({ max_concurrent: 1 }) });
  const program = join(rig.place.directory, 'agent');
  writeFileSync(program, '#!/bin/sh\n');
  chmodSync(program, 0o755);
  const first = await rig.startSteered('first');
  await rig.start('second', [program]);
  const third = await rig.start('third', ['sleep', '1000']);
  rmSync(program);
  await first.child.exit(0);

  expect(await rig.wait('second')).toMatchObject({ state: 'failed', reason: 'spawn', pid: null });
  expect((await rig.wtd('logs', 'second')).stdout).toContain(program);
  await untilRunning(rig, third);
});

test('with too little space on the disk a start is refused with DISK_LOW and makes nothing', async () => {
  await using rig = await Rig.setUp({ config: { resources: { min_disk_space_mb: plentyMb } } });
  const before = await takeStock(rig);
  const refused = await rig.wtd('start', 'login', '--json', '--', 'true');
  expect(refused.exitCode).toBe(6);
  expect(refused.json()).toMatchObject({
    error: {
      code: 1005,
      data: {
        code: 'DISK_LOW',
        path: rig.repository.path,
        freeMb: expect.any(Number) as number,
        requiredMb: plentyMb,
        suggestions: expect.any(Array) as string[],
      },
    },
  });
  expect(await rig.refusal('run.register', { plan: 'login', repository: rig.repository.path })).toMatchObject({
    code: 'DISK_LOW',
  });
  expect(await takeStock(rig)).toEqual(before);
  expect(before).toMatchObject({ repositories: [], plans: [], runs: [], branches: ['main'] });
});

test('of several reasons to refuse a start the first of the contract is told, and none makes anything', async () => {
  await using rig = await Rig.setUp({ config: limits({ max_concurrent: 1 }) });
  await rig.start('active', ['sleep', '1000']);
  const low = { ...limits({ max_concurrent: 1 }), resources: { min_disk_space_mb: plentyMb } };
  rig.place.configure(low);
  await rig.call('daemon.reload', {});
  const before = await takeStock(rig);
  const repository = rig.repository.path;
  const nowhere = ['no-such-program'];
  const refuse = { whenFull: 'refuse' as const };
  const codeOf = async (params: object) =>
    (await rig.refusal('plan.start', { repository, ...refuse, ...params } as never)).code;

  expect(await codeOf({ plan: '../up', base: 'no-such-branch', command: nowhere })).toBe('INVALID_PARAMS');
  expect(await codeOf({ plan: 'active', repository: 'nowhere', command: nowhere })).toBe('NOT_FOUND');
  expect(await codeOf({ plan: 'active', base: 'no-such-branch', command: nowhere })).toBe('NOT_FOUND');
  expect(await codeOf({ plan: 'active', command: nowhere })).toBe('DUPLICATE_RUN');
  expect(await codeOf({ plan: 'fresh', command: nowhere })).toBe('SPAWN_FAILED');
  expect(await codeOf({ plan: 'fresh', command: ['true'] })).toBe('DISK_LOW');
  expect(await takeStock(rig)).toEqual(before);

  rig.place.configure(limits({ max_concurrent: 1 }));
  await rig.call('daemon.reload', {});
  const reloaded = await takeStock(rig);
  expect(await codeOf({ plan: 'fresh', command: ['true'] })).toBe('LIMIT_REACHED');
  expect(await takeStock(rig)).toEqual(reloaded);
});
