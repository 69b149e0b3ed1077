import { expect, test } from 'vitest';
import { notAtRest } from '../../../../src/daemon/plans/homecoming/rebase-refusals.ts';
import type { PlanRow, WorktreeRow } from '../../../../src/daemon/registry/rows.ts';

const hintFor = (code: 'operation' | 'uncommitted') =>
  notAtRest({ name: 'cart' } as PlanRow, { path: '/shop/cart' } as WorktreeRow, [{ code, message: code }]).data['hint'];

test('a rebase that is refused because one is in progress says how to take that back', () => {
  expect(hintFor('operation')).toContain('wtd rebase cart --abort');
  expect(hintFor('uncommitted')).toContain('commit or stash');
});
