import { expect, test } from 'vitest';
import type { Change } from '../../../../src/daemon/git/changed-files.ts';
import type { Conflict } from '../../../../src/daemon/git/merge-tree.ts';
import { assess } from '../../../../src/daemon/plans/conflicts/conflict-assessment.ts';

const ours = 'a'.repeat(40);
const theirs = 'b'.repeat(40);

function assessment(conflicts: Conflict[], changes: readonly [Change[], Change[]] | null = [[], []]) {
  const merge = { isClean: conflicts.length === 0, tree: 'merged', conflicts };
  return assess({ commits: [ours, theirs], merge, tree: 'theirs', changes });
}

const edited = (path: string): Change => ({ from: path, to: path });
const renamed = (from: string, to: string): Change => ({ from, to });
const made = (to: string): Change => ({ from: null, to });
const deleted = (from: string): Change => ({ from, to: null });

test('nothing in common has no severity, the same files a low one', () => {
  expect(assessment([], [[edited('a')], [edited('b')]])).toMatchObject({
    conflicts: false,
    shared: [],
    severity: null,
  });
  expect(assessment([], [[edited('a')], [edited('a')]])).toMatchObject({ shared: ['a'], severity: 'low' });
});

test('deletes, renames and binary files are worse than other conflicts', () => {
  for (const kind of ['content', 'addAdd', 'mode', 'submodule', 'directory', 'other'] as const)
    expect(assessment([{ path: 'a', kind }]).severity).toBe('medium');
  for (const kind of ['modifyDelete', 'rename', 'binary'] as const)
    expect(assessment([{ path: 'a', kind }]).severity).toBe('high');
});

test('a file is shared under the name that it ends up with', () => {
  const sharedOf = (...changes: [Change[], Change[]]) => assessment([], changes).shared;
  expect(sharedOf([renamed('old', 'new')], [edited('old')])).toEqual(['new']);
  expect(sharedOf([edited('old')], [renamed('old', 'new')])).toEqual(['new']);
  expect(sharedOf([renamed('old', 'new')], [renamed('old', 'new')])).toEqual(['new']);
  expect(sharedOf([made('new')], [made('new')])).toEqual(['new']);
  expect(sharedOf([deleted('old')], [deleted('old')])).toEqual(['old']);
  expect(sharedOf([renamed('old', 'new')], [made('old')])).toEqual([]);
});

test('what is in conflict is not shared as well, and has the name that people know', () => {
  const found = assessment([{ path: `place~${theirs}`, kind: 'directory' }], [[edited('place')], [edited('place')]]);
  expect(found).toMatchObject({ files: [{ path: 'place', kind: 'directory' }], shared: [] });
  expect(assessment([{ path: 'backup~1', kind: 'content' }]).files).toEqual([{ path: 'backup~1', kind: 'content' }]);
});

test('unrelated histories conflict, whatever is in them', () => {
  expect(assessment([], null)).toMatchObject({ conflicts: true, files: [], severity: 'medium', isContained: false });
  expect(assessment([{ path: 'a', kind: 'addAdd' }], null).files).toEqual([{ path: 'a', kind: 'unrelated' }]);
});
