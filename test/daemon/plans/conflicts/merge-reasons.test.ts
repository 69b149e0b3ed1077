import { expect, test } from 'vitest';
import { describeConflict, describeStep } from '../../../../src/daemon/plans/conflicts/merge-reasons.ts';

const nothing = { rivals: [], files: [], reconciled: [], dependsOn: [], standsOn: undefined, waiting: [] };
const files = ['a.ts', 'b.ts', 'c.ts', 'd.ts'].map((path) => ({ path, kind: 'content' as const }));

test('a step says with whom it conflicts and who waits for whom', () => {
  expect(describeStep(nothing)).toBe('merges cleanly and conflicts with nobody');
  expect(describeStep({ ...nothing, waiting: ['a', 'b'], dependsOn: ['c'], standsOn: 'd' })).toBe(
    'merges cleanly and conflicts with nobody; after c, which it depends on; after d, on whose branch it stands; before a and b, which wait for it',
  );
  expect(describeStep({ ...nothing, rivals: ['login'], files: files.slice(0, 1), waiting: ['cart'] })).toBe(
    'conflicts with login in a.ts, so only one of the two can come home as they are; before cart, which waits for it',
  );
  expect(describeStep({ ...nothing, reconciled: ['login'] })).toBe('conflicts with login, but not in this order');
});

test('a conflict names at most three files, with whom, and what helps', () => {
  expect(describeConflict('cart', { others: ['a', 'b'], base: undefined, files })).toBe(
    'conflicts with a and b together in a.ts, b.ts, c.ts and 1 more; once they are merged, see `wtd rebase cart`',
  );
  expect(describeConflict('cart', { others: [], base: 'main', files: files.slice(0, 2) })).toBe(
    'conflicts with main itself in a.ts and b.ts; see `wtd rebase cart`',
  );
});
