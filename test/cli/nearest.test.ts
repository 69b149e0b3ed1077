import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, listNearest } from '../../src/cli/nearest.ts';

test.each([
  ['', '', 0],
  ['start', 'start', 0],
  ['start', 'strt', 1],
  ['start', 'strat', 1],
  ['start', 'stop', 3],
  ['', 'abc', 3],
])('from %j to %j it is %i', (from, to, distance) => {
  expect(editDistance(from, to)).toBe(distance);
});

test('it is the same in both directions and never more than the longer word', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const distance = editDistance(a, b);
      expect(distance).toBe(editDistance(b, a));
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(distance === 0).toBe(a === b);
    }),
  );
});

test('near words come the nearest first, far ones not at all', () => {
  expect(listNearest('statu', ['status', 'start', 'shutdown', 'status'])).toEqual(['status']);
  expect(listNearest('zzz', ['status', 'start'])).toEqual([]);
});
