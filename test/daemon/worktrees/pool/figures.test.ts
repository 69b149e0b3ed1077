import { expect, test } from 'vitest';
import { poolFigures } from '../../../../src/daemon/worktrees/pool/figures.ts';
import type { LeaseRow } from '../../../../src/daemon/registry/rows.ts';
import { worktree } from '../../reconcile/world.ts';

const lease = (source: LeaseRow['source'], durationMs: number): LeaseRow => ({
  id: `${source}-${durationMs}`,
  repositoryId: 'shop',
  worktreeId: 'one',
  fence: 1,
  holder: 'ada',
  branch: null,
  bind: 'none',
  source,
  durationMs,
  acquiredAt: 1,
  expiresAt: null,
  releasedAt: null,
  outcome: null,
});

test('without a lease nothing is known of how well it serves', () => {
  expect(poolFigures([], [])).toEqual({
    total: 0,
    available: 0,
    named: 0,
    created: 0,
    reused: 0,
    hitPercent: null,
    p50AcquireMs: null,
  });
});

test('what was made, what was used again and how long it took', () => {
  const rows = [
    { ...worktree('shop', 'warm'), kind: 'pool' as const, state: 'available' as const, useCount: 0 },
    { ...worktree('shop', 'used'), kind: 'pool' as const, state: 'available' as const, useCount: 2 },
    { ...worktree('shop', 'lent'), kind: 'pool' as const, state: 'in_use' as const },
    { ...worktree('shop', 'desk'), kind: 'named' as const, state: 'available' as const, useCount: 1 },
  ];
  const leases = [lease('new', 500), lease('pool', 10), lease('reused', 8), lease('reused', 9), lease('named', 7)];
  expect(poolFigures(rows, leases)).toEqual({
    total: 4,
    available: 2,
    named: 1,
    created: 3,
    reused: 3,
    hitPercent: 80,
    p50AcquireMs: 9,
  });
});
