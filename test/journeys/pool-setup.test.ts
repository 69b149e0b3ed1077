import { expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquire, poolStatus, release, setUpPool, untilPool } from '../rig/pool.ts';
import type { Rig } from '../rig/rig.ts';

async function trustSetup(rig: Rig, command: string): Promise<void> {
  rig.repository.commit({ 'wtd.yaml': `worktrees:\n  setup:\n    run: [["${command}"]]\n` });
  await rig.call('repository.add', { path: rig.repository.path });
  await rig.call('repository.trust', { repository: 'shop' });
}

test('while set-up fails one worktree is kept to look into, and no others are made', async () => {
  await using rig = await setUpPool(33_500, { allocation_strategy: 'pooled', pool_size: 2 });
  await trustSetup(rig, 'false');
  await untilPool(rig, { total: 1, available: 0 });
  await sleep(2500);
  expect(await poolStatus(rig)).toMatchObject({ total: 1, available: 0 });
  const warm = await rig.refusal('pool.warm', { repository: rig.repository.path, count: 1 });
  expect(warm).toMatchObject({ code: 'INVALID_STATE', state: 'failed' });

  await trustAgain(rig);
  await rig.call('pool.drain', { repository: rig.repository.path });
  expect(await rig.call('pool.warm', { repository: rig.repository.path, count: 2 })).toMatchObject({
    total: 2,
    available: 2,
  });
});

test('what was lent although its set-up failed is not kept for the next', async () => {
  await using rig = await setUpPool(34_000, { allocation_strategy: 'reuse' });
  await trustSetup(rig, 'false');
  const lent = await acquire(rig);
  expect(lent.worktree.declared).toBe('error');
  await release(rig, lent);
  await untilPool(rig, { total: 0, inUse: 0 });
});

async function trustAgain(rig: Rig): Promise<void> {
  rig.repository.commit({ 'wtd.yaml': 'worktrees:\n  setup:\n    run: [["true"]]\n' });
  await rig.call('repository.trust', { repository: 'shop' });
}

test('a file of the repository that is not valid keeps nobody from giving back', async () => {
  await using rig = await setUpPool(34_500, { allocation_strategy: 'reuse' });
  const lent = await acquire(rig);
  rig.repository.write('wtd.yaml', 'worktrees: [');
  expect(await release(rig, lent)).toMatchObject({ state: 'cleaning' });
  await untilPool(rig, { available: 1, inUse: 0 });
});

test('a repository says itself what its pool is like, and the others keep to the configuration', async () => {
  await using rig = await setUpPool(35_000, { allocation_strategy: 'on_demand' });
  const { path: repository } = rig.repository;
  rig.repository.commit({ 'wtd.yaml': 'worktrees: { allocation_strategy: reuse, parallel_worktrees: 1 }\n' });
  const lent = await acquire(rig);
  expect(await rig.refusal('pool.acquire', { repository })).toMatchObject({ code: 'LIMIT_REACHED', max: 1 });
  await release(rig, lent);
  await untilPool(rig, { strategy: 'reuse', available: 1 });
  rig.repository.write('wtd.yaml', '');
  expect(await rig.call('pool.status', { repository })).toMatchObject({ strategy: 'on_demand' });
});
