import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquire, checkoutOf, poolStatus, release, setUpPool, untilPool } from '../rig/pool.ts';
import { until } from '../rig/until.ts';

test('on demand: a worktree is made for its holder and is gone after the release', async () => {
  await using rig = await setUpPool(23_000, {});
  const lent = await acquire(rig, { branch: 'try/one', task: 'try', holder: 'ada' });
  expect(lent).toMatchObject({
    source: 'new',
    worktree: { kind: 'pool', state: 'in_use', branch: 'try/one', base: 'main', task: 'try', useCount: 1 },
    lease: { fence: 1, holder: 'ada', bind: 'none', expiresAt: null, worktree: lent.worktree.id },
  });
  expect(lent.worktree.lease).toEqual(lent.lease);
  expect(checkoutOf(rig, lent).git('rev-parse', '--abbrev-ref', 'HEAD')).toBe('try/one');
  expect(await release(rig, lent)).toEqual({ state: 'cleaning', snapshot: null, reason: null });
  await untilPool(rig, { strategy: 'on_demand', total: 0, inUse: 0, created: 1, hitPercent: 0 });
  await until(() => !existsSync(lent.worktree.path), 'the directory is gone');
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect(rig.repository.branches(), 'its branch was empty').toEqual(['main']);
});

test('reuse: a released worktree is clean for the next holder, with its ignored files and the commits of its branch', async () => {
  await using rig = await setUpPool(23_500, { allocation_strategy: 'reuse' });
  rig.repository.commit({ '.gitignore': 'node_modules/\n' });
  const first = await acquire(rig, { branch: 'one' });
  const tree = checkoutOf(rig, first);
  const commit = tree.commit({ 'one.txt': 'one\n' });
  tree.write('node_modules/left/index.js', '1\n');
  await release(rig, first);
  await untilPool(rig, { total: 1, available: 1, inUse: 0 });
  expect(tree.git('rev-parse', '--abbrev-ref', 'HEAD')).toBe('HEAD');

  const second = await acquire(rig, { branch: 'two' });
  expect(second).toMatchObject({
    source: 'reused',
    worktree: { id: first.worktree.id, path: first.worktree.path, branch: 'two', useCount: 2, task: null },
    lease: { fence: 2 },
  });
  expect(existsSync(join(tree.path, 'node_modules/left/index.js'))).toBe(true);
  expect(existsSync(join(tree.path, 'one.txt'))).toBe(false);
  expect(tree.git('status', '--porcelain')).toBe('');
  expect(rig.repository.git('rev-parse', 'one')).toBe(commit);
  await release(rig, second);
  await untilPool(rig, { available: 1, created: 1, reused: 1, hitPercent: 50 });
  expect(rig.repository.branches()).toEqual(['main', 'one']);
});

test('pooled: so many are kept ready at the tip of the base, and the first holder of one gets it as it is', async () => {
  await using rig = await setUpPool(24_000, { allocation_strategy: 'pooled', pool_size: 2 });
  await rig.call('repository.add', { path: rig.repository.path });
  await untilPool(rig, { strategy: 'pooled', size: 2, total: 2, available: 2, created: 2, hitPercent: null });
  const lent = await acquire(rig, { branch: 'one' });
  expect(lent.source).toBe('pool');
  expect(checkoutOf(rig, lent).git('status', '--porcelain')).toBe('');
  await untilPool(rig, { total: 3, available: 2, inUse: 1 });
  await release(rig, lent);
  await untilPool(rig, { total: 2, available: 2, inUse: 0, created: 3, hitPercent: 100 });
});

test('dedicated: only what has a name is lent', async () => {
  await using rig = await setUpPool(24_500, { allocation_strategy: 'dedicated' });
  const repository = rig.repository.path;
  expect(await rig.refusal('pool.acquire', { repository })).toMatchObject({ code: 'INVALID_STATE' });
  const lent = await acquire(rig, { name: 'desk' });
  expect(lent).toMatchObject({ source: 'new', worktree: { name: 'desk', kind: 'named' } });
});

test('a named worktree comes back by its name and is never given to anybody else', async () => {
  await using rig = await setUpPool(25_000, { allocation_strategy: 'reuse' });
  const first = await acquire(rig, { name: 'desk' });
  const busy = await rig.refusal('pool.acquire', { repository: rig.repository.path, name: 'desk' });
  expect(busy).toMatchObject({ code: 'BUSY', holder: 'anonymous' });
  await release(rig, first);
  await untilPool(rig, { named: 1, available: 0, inUse: 0, total: 1 });
  const other = await acquire(rig);
  expect(other).toMatchObject({ source: 'new', worktree: { kind: 'pool' } });
  expect(other.worktree.id).not.toBe(first.worktree.id);
  await release(rig, other);
  await untilPool(rig, { available: 1 });
  const again = await acquire(rig, { name: 'desk', branch: 'two' });
  expect(again).toMatchObject({ source: 'named', worktree: { id: first.worktree.id, branch: 'two' } });
  const name = other.worktree.name;
  const taken = await rig.refusal('pool.acquire', { repository: rig.repository.path, name });
  expect(taken).toMatchObject({ code: 'ALREADY_EXISTS' });
});

test('what is asked of a ready one is held against each of them, and a new one is made when none will do', async () => {
  await using rig = await setUpPool(25_500, { allocation_strategy: 'reuse' });
  const one = await acquire(rig, { branch: 'api/one' });
  const two = await acquire(rig, { branch: 'web/two' });
  await release(rig, one);
  await release(rig, two);
  await untilPool(rig, { available: 2 });
  const api = await acquire(rig, { reuse: { branchPrefix: 'api/' } });
  expect(api).toMatchObject({ source: 'reused', worktree: { id: one.worktree.id } });
  expect(await acquire(rig, { reuse: { maxUseCount: 0 } })).toMatchObject({ source: 'new' });
  expect(await acquire(rig, { reuse: { maxAgeMs: 0 } })).toMatchObject({ source: 'new' });
  expect(await acquire(rig, { reuse: { maxUseCount: 1, maxAgeMs: 600_000 } })).toMatchObject({
    worktree: { id: two.worktree.id },
  });
});

test('warm makes ready ones now, drain takes them away and leaves those that somebody holds', async () => {
  await using rig = await setUpPool(26_000, {});
  const repository = rig.repository.path;
  expect(await rig.call('pool.warm', { repository, count: 3 })).toMatchObject({ available: 3, total: 3, created: 3 });
  expect(await rig.call('pool.warm', { repository, count: 2 })).toMatchObject({ available: 3 });
  const lent = await acquire(rig);
  expect(lent.source).toBe('pool');
  expect(await rig.call('pool.drain', { repository })).toMatchObject({ available: 0, total: 1, inUse: 1 });
  expect(rig.repository.worktrees()).toEqual([rig.repository.path, lent.worktree.path]);
  expect(await poolStatus(rig)).toMatchObject({ waiting: 0 });
});

test('a ref moves a ready worktree there, an existing branch is attached, and one that is checked out is refused', async () => {
  await using rig = await setUpPool(26_500, { allocation_strategy: 'reuse' });
  const repository = rig.repository.path;
  const begin = rig.repository.git('rev-parse', 'HEAD');
  const tip = rig.repository.commit({ 'more.txt': 'more\n' });
  rig.repository.git('branch', 'old', begin);
  await rig.call('pool.warm', { repository, count: 1 });
  const at = await acquire(rig, { ref: begin });
  const tree = checkoutOf(rig, at);
  expect([tree.git('rev-parse', 'HEAD'), tree.git('status', '--porcelain')]).toEqual([begin, '']);
  await release(rig, at);
  await untilPool(rig, { available: 1 });
  expect(tree.git('rev-parse', 'HEAD')).toBe(tip);
  const attached = await acquire(rig, { branch: 'old' });
  expect([tree.git('rev-parse', 'HEAD'), tree.git('symbolic-ref', '--short', 'HEAD')]).toEqual([begin, 'old']);
  expect(attached.worktree.branch).toBe('old');
  await rig.call('pool.warm', { repository, count: 1 });
  const refusal = await rig.refusal('pool.acquire', { repository, branch: 'old' });
  expect(refusal).toMatchObject({ code: 'BUSY', holder: tree.path });
  await untilPool(rig, { available: 1, inUse: 1 });
  expect(await rig.refusal('pool.acquire', { repository, ref: 'nowhere' })).toMatchObject({ code: 'NOT_FOUND' });
  expect(rig.repository.branches()).toEqual(['main', 'old']);
});

test('a ready worktree follows its base, and one whose directory is gone is forgotten', async () => {
  await using rig = await setUpPool(27_000, { allocation_strategy: 'reuse' });
  const repository = rig.repository.path;
  await rig.call('pool.warm', { repository, count: 1 });
  const tip = rig.repository.commit({ 'more.txt': 'more\n' });
  const lent = await acquire(rig, { branch: 'one' });
  expect(lent.source).toBe('pool');
  expect(checkoutOf(rig, lent).git('rev-parse', 'HEAD')).toBe(tip);
  await release(rig, lent);
  await untilPool(rig, { available: 1 });
  rmSync(lent.worktree.path, { recursive: true });
  const next = await acquire(rig, { branch: 'two' });
  expect(next).toMatchObject({ source: 'new', worktree: { branch: 'two' } });
  expect(rig.repository.git('symbolic-ref', '--short', 'HEAD'), 'the main checkout is left alone').toBe('main');
  await untilPool(rig, { total: 1, inUse: 1 });
});

test('pooled: of many that are given back at once no more stay than are to be ready', async () => {
  await using rig = await setUpPool(35_500, { allocation_strategy: 'pooled', pool_size: 1 });
  const lent = await Promise.all([1, 2, 3, 4].map(() => acquire(rig)));
  await untilPool(rig, { total: 5, available: 1 });
  await rig.call('pool.drain', { repository: rig.repository.path });
  await Promise.all(lent.map((each) => release(rig, each)));
  await untilPool(rig, { total: 1, available: 1, inUse: 0 });
});

test('draining takes also what was given back just before', async () => {
  await using rig = await setUpPool(35_000, { allocation_strategy: 'reuse' });
  const lent = await acquire(rig);
  checkoutOf(rig, lent).write('draft.txt', 'kept\n');
  const drained = release(rig, lent).then(() => rig.call('pool.drain', { repository: rig.repository.path }));
  expect(await drained).toMatchObject({ total: 0, available: 0 });
  await until(() => !existsSync(lent.worktree.path), 'the directory is gone');
  expect(await poolStatus(rig)).toMatchObject({ total: 0 });
});

test('a directory that has the name of an anonymous one is left alone and keeps nobody from having one', async () => {
  await using rig = await setUpPool(36_000, {});
  rig.repository.write('worktrees/pool/mine.txt', 'mine\n');
  const lent = await acquire(rig);
  expect(lent.worktree.name).toBe('pool-2');
  expect(existsSync(join(rig.repository.path, 'worktrees/pool/mine.txt'))).toBe(true);
});
