import { expect, test } from 'vitest';
import type { RepositoryRow } from '../../../src/daemon/registry/rows.ts';
import { isTrusted, overlay } from '../../../src/daemon/repositories/settings.ts';

test('what is said above holds, sections are combined and lists are not', () => {
  const lower = { a: 1, b: { c: [1, 2], d: null, e: { f: 1, g: 2 } } };
  const before = structuredClone(lower);
  expect(overlay(lower, { b: { c: [3], e: { g: 3 } } })).toEqual({ a: 1, b: { c: [3], d: null, e: { f: 1, g: 3 } } });
  expect(overlay(lower, { a: undefined, b: { d: 5 } })).toEqual({ ...before, b: { ...before.b, d: 5 } });
  expect(overlay(lower, { b: { e: null } })).toMatchObject({ b: { e: null } });
  expect(lower, 'what lies below is shared and stays').toEqual(before);
});

test.each([
  [{ trusted: false, trustedHash: null }, null, false],
  [{ trusted: true, trustedHash: null }, null, true],
  [{ trusted: true, trustedHash: 'one' }, 'one', true],
  [{ trusted: true, trustedHash: 'one' }, 'two', false],
  [{ trusted: true, trustedHash: 'one' }, null, true],
  [{ trusted: true, trustedHash: null }, 'one', false],
  [{ trusted: false, trustedHash: 'one' }, 'one', false],
])('what is recorded as %j is, the file being %s, trusted: %s', (recorded, hash, expected) => {
  expect(isTrusted(recorded as RepositoryRow, { hash, commands: [] })).toBe(expected);
});
