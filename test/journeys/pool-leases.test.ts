import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { acquire, checkoutOf, poolStatus, release, setUpPool, untilPool } from '../rig/pool.ts';
import { until } from '../rig/until.ts';

const minute = 60_000;

describe('the limit', () => {
  test('refuses at once whoever does not wait, and says how full it is', async () => {
    await using rig = await setUpPool(28_000, { parallel_worktrees: 1 });
    await acquire(rig);
    expect(await rig.refusal('pool.acquire', { repository: rig.repository.path })).toMatchObject({
      code: 'LIMIT_REACHED',
      limit: 'parallel_worktrees',
      current: 1,
      max: 1,
      suggestions: [expect.any(String), expect.any(String)],
    });
    expect(await rig.refusal('pool.acquire', { repository: rig.repository.path, waitMs: 50 })).toMatchObject({
      code: 'TIMEOUT',
    });
    const status = await rig.call('pool.status', { repository: 'shop' });
    expect(status).toMatchObject({ inUse: 1, total: 1, waiting: 0 });
  });

  test('holds for twenty who ask at once, and everybody is served', async () => {
    await using rig = await setUpPool(28_500, { parallel_worktrees: 4, allocation_strategy: 'reuse' });
    let most = 0;
    let held = 0;
    const serve = async (number: number) => {
      const lent = await acquire(rig, { branch: `try/${number}`, waitMs: minute });
      held += 1;
      most = Math.max(most, held);
      expect(checkoutOf(rig, lent).git('symbolic-ref', '--short', 'HEAD')).toBe(`try/${number}`);
      held -= 1;
      await release(rig, lent);
      return lent.worktree.path;
    };
    const paths = await Promise.all(Array.from({ length: 20 }, (_, number) => serve(number)));
    expect(most).toBeLessThanOrEqual(4);
    expect(new Set(paths).size).toBeLessThan(20);
    await untilPool(rig, { inUse: 0, waiting: 0 });
    await until(() => rig.repository.branches().length === 1, 'the empty branches are gone');
  });

  test('serves those who wait first come first served; whoever hangs up gives up its place', async () => {
    await using rig = await setUpPool(29_000, { parallel_worktrees: 1, allocation_strategy: 'reuse' });
    const first = await acquire(rig);
    const served: string[] = [];
    const wait = (holder: string) =>
      acquire(rig, { holder, waitMs: minute }).then(async (lent) => {
        served.push(holder);
        await release(rig, lent);
      });
    const gone = await rig.connectRaw();
    gone.send({ jsonrpc: '2.0', id: 1, method: 'pool.acquire', params: { repository: 'shop', waitMs: minute } });
    await untilPool(rig, { waiting: 1 });
    const one = wait('one');
    await untilPool(rig, { waiting: 2 });
    const two = wait('two');
    await untilPool(rig, { waiting: 3 });
    await gone[Symbol.asyncDispose]();
    await untilPool(rig, { waiting: 2 });
    await release(rig, first);
    await Promise.all([one, two]);
    expect(served).toEqual(['one', 'two']);
    await untilPool(rig, { inUse: 0, waiting: 0, total: 1 });
  });

  test('a name that is lent is no obstacle for those who want another one', async () => {
    await using rig = await setUpPool(29_500, { parallel_worktrees: 2 });
    const desk = await acquire(rig, { name: 'desk' });
    const waiting = acquire(rig, { name: 'desk', waitMs: minute });
    await untilPool(rig, { waiting: 1 });
    expect(await acquire(rig)).toMatchObject({ source: 'new' });
    await release(rig, desk);
    expect(await waiting).toMatchObject({ source: 'named', worktree: { id: desk.worktree.id }, lease: { fence: 2 } });
  });
});

describe('a lease', () => {
  test('that has ended or is of somebody else can release nothing', async () => {
    await using rig = await setUpPool(30_000, { allocation_strategy: 'reuse' });
    const old = await acquire(rig);
    await release(rig, old);
    await untilPool(rig, { available: 1 });
    const now = await acquire(rig);
    expect(now.worktree.id).toBe(old.worktree.id);
    const tries = [
      { lease: old.lease.id, fence: old.lease.fence },
      { lease: old.lease.id, fence: now.lease.fence },
      { lease: now.lease.id, fence: old.lease.fence },
    ];
    for (const proof of tries) {
      expect(await rig.refusal('pool.release', proof)).toMatchObject({ code: 'INVALID_STATE' });
      expect(await rig.refusal('pool.renew', { ...proof, ttlMs: 1 })).toMatchObject({ code: 'INVALID_STATE' });
    }
    expect(await rig.refusal('pool.release', { lease: 'none', fence: 1 })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await poolStatus(rig)).toMatchObject({ inUse: 1 });
    const both = await Promise.allSettled([release(rig, now), release(rig, now)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('with a time limit ends by itself, unless it is renewed', async () => {
    await using rig = await setUpPool(30_500, { allocation_strategy: 'reuse' });
    const brief = await acquire(rig, { ttlMs: 1 });
    expect(brief.lease.expiresAt).not.toBeNull();
    const kept = await acquire(rig, { ttlMs: 2 * minute });
    const renewed = await rig.call('pool.renew', { lease: kept.lease.id, fence: kept.lease.fence, ttlMs: 9 * minute });
    expect(Date.parse(renewed.expiresAt ?? '')).toBeGreaterThan(Date.parse(kept.lease.expiresAt ?? ''));
    await untilPool(rig, { inUse: 1, available: 1 });
    expect(await rig.refusal('pool.release', { lease: brief.lease.id, fence: 1 })).toMatchObject({
      code: 'INVALID_STATE',
    });
    await release(rig, kept);
  });

  test('that is bound to a connection ends with it; the others stay', async () => {
    await using rig = await setUpPool(31_000, { allocation_strategy: 'reuse' });
    {
      await using client = await rig.connect();
      const repository = rig.repository.path;
      const bound = await client.call('pool.acquire', { repository, bind: 'connection' });
      expect(bound.lease.bind).toBe('connection');
      await client.call('pool.acquire', { repository, bind: 'connection' });
      await client.call('pool.acquire', { repository });
      await untilPool(rig, { inUse: 3 });
    }
    await untilPool(rig, { inUse: 1, available: 2 });
  });

  test('outlives the daemon, however that ends; one that was bound to its connections does not', async () => {
    await using rig = await setUpPool(31_500, { allocation_strategy: 'reuse' });
    const stays = await acquire(rig, { branch: 'stays' });
    checkoutOf(rig, stays).write('work.txt', 'work\n');
    await using client = await rig.connect();
    await client.call('pool.acquire', { repository: rig.repository.path, bind: 'connection' });
    await rig.daemon.kill();
    await rig.startDaemon();
    await untilPool(rig, { inUse: 1, available: 1, total: 2, created: 2 });
    expect(existsSync(join(stays.worktree.path, 'work.txt'))).toBe(true);
    await rig.daemon.terminate();
    await rig.startDaemon();
    expect(await poolStatus(rig)).toMatchObject({ inUse: 1, available: 1 });
    const next = await acquire(rig);
    expect(next).toMatchObject({ source: 'reused', lease: { fence: 2 } });
  });

  test('keeps its repository known, and `shutdown --stop-runs` ends it', async () => {
    await using rig = await setUpPool(32_000, { allocation_strategy: 'reuse' });
    const lent = await acquire(rig);
    expect(await rig.refusal('repository.remove', { repository: 'shop' })).toMatchObject({ code: 'UNSAFE' });
    expect((await rig.wtd('shutdown', '--stop-runs')).exitCode).toBe(0);
    expect((await rig.daemon.ended()).exitCode).toBe(0);
    await rig.startDaemon();
    await untilPool(rig, { inUse: 0, available: 1 });
    expect(await rig.refusal('pool.release', { lease: lent.lease.id, fence: 1 })).toMatchObject({
      code: 'INVALID_STATE',
    });
    await rig.call('pool.drain', { repository: 'shop' });
    expect(await rig.call('repository.remove', { repository: 'shop' })).toEqual({ removed: true });
  });
});

test('a worktree that failed is kept as it is, if that is wanted', async () => {
  await using rig = await setUpPool(32_500, { allocation_strategy: 'reuse' });
  const lent = await acquire(rig, { name: 'desk' });
  writeFileSync(join(lent.worktree.path, 'work.txt'), 'work\n');
  expect(await release(rig, lent, 'failed')).toMatchObject({ state: 'failed', snapshot: null });
  expect(existsSync(join(lent.worktree.path, 'work.txt'))).toBe(true);
  const again = await rig.refusal('pool.acquire', { repository: 'shop', name: 'desk' });
  expect(again).toMatchObject({ code: 'INVALID_STATE', state: 'failed' });
  rig.place.configure({ worktrees: { cleanup_policy: { keep_failed: false } } });
  await rig.call('daemon.reload', {});
  const other = await acquire(rig);
  await release(rig, other, 'failed');
  await untilPool(rig, { inUse: 0, total: 1 });
});

test('ready worktrees go when nobody wanted them for long, or when they are old; those with work in them stay', async () => {
  const policy = { idle_timeout: '14d', max_age: '14d' };
  await using rig = await setUpPool(33_000, { allocation_strategy: 'reuse', cleanup_policy: policy });
  const [one, two, desk] = [await acquire(rig), await acquire(rig), await acquire(rig, { name: 'desk' })];
  for (const each of [one, two, desk]) await release(rig, each);
  await untilPool(rig, { available: 2, named: 1 });
  checkoutOf(rig, two).write('work.txt', 'work\n');
  const worktrees = { allocation_strategy: 'reuse', cleanup_policy: { ...policy, idle_timeout: '1ms' } };
  rig.place.configure({ worktrees });
  await rig.call('daemon.reload', {});
  await untilPool(rig, { available: 0, total: 1 });
  expect(existsSync(join(two.worktree.path, 'work.txt'))).toBe(true);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path, two.worktree.path]);
});
