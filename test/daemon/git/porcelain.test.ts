import { describe, expect, test } from 'vitest';
import {
  parseAheadBehind,
  parseIndexEntries,
  parseStatus,
  parseStatusEntries,
  parseTreeEntries,
  parseWorktreeList,
} from '../../../src/daemon/git/porcelain.ts';

const zero = (...entries: string[][]) => entries.map((lines) => `${lines.join('\0')}\0\0`).join('');

describe('git worktree list --porcelain -z', () => {
  test('is read entry by entry', () => {
    const output = zero(
      ['worktree /w/shop', 'HEAD aaaa', 'branch refs/heads/main'],
      ['worktree /w/shop/worktrees/plan-a', 'HEAD bbbb', 'branch refs/heads/plan/a', 'locked wtd: plan a'],
      ['worktree /w/detached', 'HEAD cccc', 'detached'],
      ['worktree /w/gone', 'HEAD dddd', 'branch refs/heads/x', 'locked', 'prunable gitdir file points to nowhere'],
    );
    expect(parseWorktreeList(output)).toEqual([
      { path: '/w/shop', head: 'aaaa', branch: 'main', locked: false, lockReason: null, prunable: false },
      {
        path: '/w/shop/worktrees/plan-a',
        head: 'bbbb',
        branch: 'plan/a',
        locked: true,
        lockReason: 'wtd: plan a',
        prunable: false,
      },
      { path: '/w/detached', head: 'cccc', branch: null, locked: false, lockReason: null, prunable: false },
      { path: '/w/gone', head: 'dddd', branch: 'x', locked: true, lockReason: '', prunable: true },
    ]);
  });

  test('of a bare repository has no head, and a path may hold spaces and newlines', () => {
    const output = zero(['worktree /w/a b\nc.git', 'bare']);
    expect(parseWorktreeList(output)).toEqual([
      { path: '/w/a b\nc.git', head: null, branch: null, locked: false, lockReason: null, prunable: false },
    ]);
    expect(parseWorktreeList('')).toEqual([]);
  });
});

describe('git status --porcelain=v2 -z', () => {
  test('is counted by kind', () => {
    const output = [
      '1 .M N... 100644 100644 100644 aaaa aaaa changed.txt',
      '1 A. N... 000000 100644 100644 0000 aaaa added.txt',
      'u UU N... 100644 100644 100644 100644 aaaa bbbb cccc conflict.txt',
      '? new file.txt',
      '? directory/',
      '! ignored.txt',
      '# branch.oid aaaa',
      '',
    ].join('\0');
    expect(parseStatus(output)).toEqual({ changed: 2, untracked: 2, conflicted: 1 });
    expect(parseStatus('')).toEqual({ changed: 0, untracked: 0, conflicted: 0 });
  });

  test('does not take the old path of a rename for an entry of its own', () => {
    const rename = ['2 R. N... 100644 100644 100644 aaaa aaaa R100 new.txt', '? 1 u old name.txt', '? other.txt', ''];
    expect(parseStatus(rename.join('\0'))).toEqual({ changed: 1, untracked: 1, conflicted: 0 });
  });

  test('takes a path for what it is, also one that looks like an entry', () => {
    expect(parseStatus(['? u 1 2 ? x', '? \n1 .M', ''].join('\0'))).toEqual({
      changed: 0,
      untracked: 2,
      conflicted: 0,
    });
  });
});

test('git rev-list --left-right --count gives ahead, then behind', () => {
  expect(parseAheadBehind('3\t12\n')).toEqual({ ahead: 3, behind: 12 });
  expect(parseAheadBehind('0\t0')).toEqual({ ahead: 0, behind: 0 });
});

describe('the files that git tells of', () => {
  test('in a status are read with names of any kind, and with the sides of a conflict', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(40));
    const output = [
      `1 .M N... 100644 100644 100644 ${a} ${a} with space`,
      `1 A. SC.. 000000 160000 160000 ${a} ${b} sub`,
      `u UD N... 100644 100755 000000 100644 ${a} ${b} ${c} new\nline`,
      '? -n 1',
      '! ignored',
    ];
    const plain = { submodule: 'N...', sides: [] };
    expect(parseStatusEntries(`${output.join('\0')}\0`)).toEqual([
      { ...plain, path: 'with space', code: '.M' },
      { ...plain, path: 'sub', code: 'A.', submodule: 'SC..' },
      {
        path: 'new\nline',
        code: 'UD',
        submodule: 'N...',
        sides: [
          { stage: 1, mode: '100644', id: a },
          { stage: 2, mode: '100755', id: b },
        ],
      },
      { ...plain, path: '-n 1', code: '??' },
    ]);
  });

  test('in the index and in a tree are read up to the tab, which a name may have as well', () => {
    expect(parseIndexEntries('H 100644 aa 0\ta\tb\0s 100755 bb 0\tc\0')).toEqual([
      { tag: 'H', mode: '100644', id: 'aa', path: 'a\tb' },
      { tag: 's', mode: '100755', id: 'bb', path: 'c' },
    ]);
    expect(parseTreeEntries('120000 blob aa\ta\tb\0')).toEqual([{ mode: '120000', id: 'aa', path: 'a\tb' }]);
  });
});
