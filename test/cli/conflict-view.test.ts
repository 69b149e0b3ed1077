import { expect, test } from 'vitest';
import { formatConflicts } from '../../src/cli/conflict-view.ts';
import type { ConflictPair } from '../../src/contract/conflict.ts';

const view = { cwd: '/home/dev/shop', nowMs: 0, hasColour: false };
const nothing = { conflicts: false, files: [], shared: [], severity: null };
const pair = (a: string, b: string, more: Partial<ConflictPair> = {}): ConflictPair => ({ ...nothing, a, b, ...more });

function show(pairs: ConflictPair[], withBase: ConflictPair[] = [], uncommitted: boolean | null = false) {
  const plans = ['one', 'two', 'three'].map((name) => ({ name, branch: `plan/${name}`, base: 'main', uncommitted }));
  const branches = plans.map(({ branch }) => branch);
  return formatConflicts({ branches, plans, pairs, withBase, generatedAt: '', durationMs: 1 }, view);
}

test('the worst comes first, and pairs with nothing in common are only counted', async () => {
  const files = ['a', 'b', 'c', 'new\nline'].map((path) => ({ path, kind: 'content' as const }));
  const low = pair('plan/one', 'plan/two', { shared: ['a'], severity: 'low' });
  const high = pair('plan/one', 'plan/three', { conflicts: true, files, severity: 'high' });
  expect((await show([low, high, pair('plan/two', 'plan/three')])).split('\n')).toEqual([
    'with each other',
    'SEVERITY  BRANCH    WITH        CONFLICTS IN                                      MERGES CLEANLY',
    'high      plan/one  plan/three  a (content), b (content), c (content) and 1 more  -',
    'low       plan/one  plan/two    -                                                 a',
    '',
    '3 plans with work, 3 pairs: 1 in conflict, 1 with no file in common',
    'see which order brings the most of them home with: wtd merge-order',
    '',
  ]);
});

test('the next step is the one that fits', async () => {
  const behind = pair('plan/two', 'main', { conflicts: true, severity: 'medium' });
  expect(await show([], [behind])).toContain('wtd rebase two --on-conflict keep');
  expect(await show([])).toContain('wtd complete --all');
  expect(await show([], [], null)).toContain('could not be read of: one, two, three');
});
