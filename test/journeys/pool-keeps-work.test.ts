import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Checkout } from '../rig/repository.ts';
import { acquire, checkoutOf, release, setUpPool, untilPool } from '../rig/pool.ts';
import { until } from '../rig/until.ts';

test.each([
  ['reuse', 48_000],
  ['on_demand', 48_500],
])('what was not committed is kept in a snapshot before a worktree is cleaned: %s', async (strategy, base) => {
  await using rig = await setUpPool(base, { allocation_strategy: strategy });
  const lent = await acquire(rig, { branch: 'one' });
  const tree = checkoutOf(rig, lent);
  tree.write('README.md', 'changed\n');
  tree.write('staged.txt', 'staged\n');
  tree.git('add', 'staged.txt');
  tree.write('untracked.txt', 'untracked\n');
  const before = tree.git('status', '--porcelain');
  const { state, snapshot } = await release(rig, lent);
  expect(state).toBe('cleaning');
  const left = strategy === 'reuse' ? 1 : 0;
  await untilPool(rig, { inUse: 0, available: left, total: left });
  if (left === 1) expect(tree.git('status', '--porcelain')).toBe('');
  const restored = await rig.call('worktree.restore', { snapshot: snapshot ?? '', name: 'back' });
  expect(new Checkout(restored.path, rig.place.env).git('status', '--porcelain')).toBe(before);
});

test.each([
  ['reuse', '--assume-unchanged', 41_500],
  ['reuse', '--skip-worktree', 42_000],
  ['on_demand', '--assume-unchanged', 41_000],
])('so is what git was told not to look at: %s %s', async (strategy, flag, base) => {
  await using rig = await setUpPool(base, { allocation_strategy: strategy });
  const lent = await acquire(rig, { branch: 'one' });
  const tree = checkoutOf(rig, lent);
  tree.git('update-index', flag, 'README.md');
  tree.write('README.md', 'changed\n');
  const { snapshot } = await release(rig, lent);
  const left = strategy === 'reuse' ? 1 : 0;
  await untilPool(rig, { inUse: 0, available: left, total: left });
  if (left === 1) expect(readFileSync(join(tree.path, 'README.md'), 'utf8')).toBe('A shop\n');
  const restored = await rig.call('worktree.restore', { snapshot: snapshot ?? '', name: 'back' });
  expect(readFileSync(join(restored.path, 'README.md'), 'utf8')).toBe('changed\n');
});

test('detached commits and a rebase that somebody was in the middle of are kept as well', async () => {
  await using rig = await setUpPool(49_000, { allocation_strategy: 'reuse' });
  const first = await acquire(rig);
  const tree = checkoutOf(rig, first);
  const commit = tree.commit({ 'work.txt': 'work\n' });
  expect((await release(rig, first)).snapshot).not.toBeNull();
  await untilPool(rig, { available: 1 });
  expect(tree.git('rev-parse', 'HEAD')).toBe(rig.repository.git('rev-parse', 'main'));
  expect(rig.repository.git('for-each-ref', '--contains', commit, 'refs/wtd/snapshots')).not.toBe('');

  const second = await acquire(rig, { branch: 'two' });
  tree.commit({ 'README.md': 'mine\n' });
  rig.repository.commit({ 'README.md': 'theirs\n' });
  expect(() => tree.git('rebase', 'main')).toThrow();
  expect((await release(rig, second)).snapshot).not.toBeNull();
  await untilPool(rig, { available: 1 });
  expect(tree.git('status')).toContain('nothing to commit, working tree clean');
  expect(tree.git('rev-parse', 'HEAD')).toBe(rig.repository.git('rev-parse', 'main'));
});

test('what goes on being written while it is given back is not cleaned away', async () => {
  await using rig = await setUpPool(42_500, { allocation_strategy: 'reuse' });
  const lent = await acquire(rig, { branch: 'one' });
  const tree = checkoutOf(rig, lent);
  const script = 'n=0; while n=$((n+1)); do echo > late-$n.txt; echo $n; sleep 0.01; done';
  const writer = spawn('sh', ['-c', script], { cwd: tree.path, stdio: ['ignore', 'pipe', 'ignore'] });
  await once(writer.stdout, 'data');
  const { snapshot } = await release(rig, lent);
  const { id } = lent.worktree;
  await until(async () => (await rig.call('worktree.show', { worktree: id })).state === 'failed', 'it is left alone');
  writer.kill();
  await once(writer, 'close');
  const files = rig.repository.git('ls-tree', '-r', '--name-only', `refs/wtd/snapshots/${snapshot ?? ''}`);
  expect(files).toContain('late-1.txt');
  expect(existsSync(join(tree.path, 'late-1.txt'))).toBe(true);
});
