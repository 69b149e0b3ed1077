import { expect, test } from 'vitest';
import type { StatusEntry } from '../../../../src/daemon/git/porcelain.ts';
import { unkeepable, type Keepable } from '../../../../src/daemon/worktrees/snapshots/unkeepable.ts';

const entry = (path: string, more: Partial<StatusEntry> = {}): StatusEntry => ({
  path,
  code: '??',
  submodule: 'N...',
  sides: [],
  ...more,
});
const clean: Keepable = { path: '/w', head: 'abc', status: [], special: [], unpushed: [], nested: [] };
const blockers = (more: Partial<Keepable>) => unkeepable({ ...clean, ...more });

test('changed and untracked files can all be kept', () => {
  expect(
    blockers({
      status: [entry('new.txt'), entry('a', { code: 'MM' }), entry('sub', { code: '.M', submodule: 'S...' })],
    }),
  ).toEqual([]);
});

test('everything that cannot is told at once, each with what to do', () => {
  const status = [
    entry('inner/'),
    entry('a/.GIT/x'),
    ...['C..', '.M.', '..U'].map((how, at) => entry(`sub${at}`, { code: '.M', submodule: `S${how}` })),
  ];
  const found = blockers({ status, special: ['pipe'], unpushed: ['library'], nested: ['tracked'] });
  expect(found.map(({ code }) => code)).toEqual([
    'embedded_repository',
    'submodule',
    'submodule',
    'special_file',
    'unnameable',
  ]);
  expect(found[1]?.message).toContain('sub0, sub1, sub2');
});

test('names are shown as people read them, and only the first of many', () => {
  const special = ['\u00c3\u00bc\n', ...Array.from({ length: 8 }, (_, at) => `p${at}`)];
  expect(blockers({ special })[0]?.message).toBe(
    'ü\\n, p0, p1, p2, p3 and 4 more: no file that git can keep; remove it',
  );
});
