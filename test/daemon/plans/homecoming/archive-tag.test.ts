import { expect, test } from 'vitest';
import { archiveName } from '../../../../src/daemon/plans/homecoming/archive-tag.ts';

const name = (tags: Record<string, string>) =>
  archiveName(new Map(Object.entries(tags)), { branch: 'plan/x', tip: 't' });

test('a tag is named after its branch, with a number when an earlier one has the name', () => {
  expect(name({})).toBe('archive/plan/x');
  expect(name({ 'archive/plan/y': 't' })).toBe('archive/plan/x');
  expect(name({ 'archive/plan/x': 'u' })).toBe('archive/plan/x-2');
  expect(name({ 'archive/plan/x': 'u', 'archive/plan/x-2': 'v' })).toBe('archive/plan/x-3');
});

test('the tag that keeps this very commit is taken again', () => {
  expect(name({ 'archive/plan/x': 't' })).toBe('archive/plan/x');
  expect(name({ 'archive/plan/x': 'u', 'archive/plan/x-2': 't' })).toBe('archive/plan/x-2');
});

test('git keeps no tag below the name of another', () => {
  expect(name({ 'archive/plan/x/y': 'u' })).toBe('archive/plan/x-2');
  expect(name({ 'archive/plan': 'u' })).toBe('archive/plan-x');
  expect(name({ 'archive/plan': 'u', 'archive/plan-x': 'v' })).toBe('archive/plan-x-2');
  expect(name({ archive: 'u' })).toBe('archive-plan/x');
});
