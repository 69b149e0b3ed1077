import { expect, test } from 'vitest';
import { chooseReady, type Ready } from '../../../../src/daemon/worktrees/pool/choice.ts';
import { worktree } from '../../reconcile/world.ts';

const now = 1_000_000;
const ready = (id: string, rest: Partial<Ready['row']> = {}, lastBranch: string | null = null): Ready => ({
  row: { ...worktree('shop', id), id, createdAt: now - 1000, lastUsedAt: null, useCount: 0, ...rest },
  lastBranch,
});

test('the one that was used last comes first', () => {
  const all = [ready('fresh'), ready('old', { lastUsedAt: 10 }), ready('new', { lastUsedAt: 20 })];
  expect(chooseReady(all, {}, now)?.id).toBe('new');
  expect(chooseReady([], {}, now)).toBeUndefined();
});

test('every criterion must be met', () => {
  const all = [
    ready('api', { useCount: 3, lastUsedAt: 1 }, 'api/one'),
    ready('web', { useCount: 1, createdAt: now - 5000 }, 'web/one'),
  ];
  expect(chooseReady(all, { branchPrefix: 'api/' }, now)?.id).toBe('api');
  expect(chooseReady(all, { branchPrefix: 'api/', maxUseCount: 2 }, now)).toBeUndefined();
  expect(chooseReady(all, { maxUseCount: 2 }, now)?.id).toBe('web');
  expect(chooseReady(all, { maxAgeMs: 2000 }, now)?.id).toBe('api');
  expect(chooseReady(all, { branchPrefix: 'x' }, now)).toBeUndefined();
});
