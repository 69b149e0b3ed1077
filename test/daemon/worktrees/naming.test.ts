import { describe, expect, test } from 'vitest';
import { worktreeName, worktreesDirectory } from '../../../src/daemon/worktrees/naming.ts';

describe('a worktree', () => {
  test('is named after its branch, with dashes for slashes', () => {
    expect(worktreeName('plan/login', () => false)).toBe('plan-login');
    expect(worktreeName('a/b/c.d', () => false)).toBe('a-b-c.d');
    expect(worktreeName('main', () => false)).toBe('main');
  });

  test('gets the first number that is free when its name is taken', () => {
    const taken = new Set(['plan-a-b', 'plan-a-b-2', 'plan-a-b-4']);
    expect(worktreeName('plan/a-b', (name) => taken.has(name))).toBe('plan-a-b-3');
    expect(worktreeName('plan/a/b', (name) => taken.has(name))).toBe('plan-a-b-3');
    expect(worktreeName('plan/a', (name) => taken.has(name))).toBe('plan-a');
  });
});

describe('the worktrees of a repository lie', () => {
  const usual = { name: 'shop', path: '/srv/shop', commonDir: '/srv/shop/.git' };
  const bare = { name: 'shop', path: '/srv/shop.git', commonDir: '/srv/shop.git' };

  test('in its checkout', () => {
    expect(worktreesDirectory(usual, 'worktrees')).toBe('/srv/shop/worktrees');
    expect(worktreesDirectory(usual, '.wtd/trees')).toBe('/srv/shop/.wtd/trees');
  });

  test('in a directory of its own below an absolute one', () => {
    expect(worktreesDirectory(usual, '/fast/disk')).toBe('/fast/disk/shop');
    expect(worktreesDirectory(bare, '/fast/disk')).toBe('/fast/disk/shop');
  });

  test('beside a bare repository, which has no checkout', () => {
    expect(worktreesDirectory(bare, 'worktrees')).toBe('/srv/shop-worktrees');
    expect(worktreesDirectory({ ...bare, path: '/srv/blog', commonDir: '/srv/blog' }, 'a/b')).toBe('/srv/blog-b');
  });
});
