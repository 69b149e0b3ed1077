import { describe, expect, test } from 'vitest';
import { findBlockers, type Findings } from '../../../src/daemon/worktrees/safety.ts';

const clean: Findings = {
  path: '/w',
  status: { changed: 0, untracked: 0, conflicted: 0 },
  operation: null,
  unreachableCommits: 0,
  activeRun: null,
};
const codes = (findings: Partial<Findings>) => findBlockers({ ...clean, ...findings }).map(({ code }) => code);

describe('a worktree', () => {
  test('in which nothing would be lost has no blockers', () => {
    expect(findBlockers(clean)).toEqual([]);
  });

  test('is blocked by each thing that would be lost', () => {
    expect(codes({ activeRun: 'r1' })).toEqual(['active_run']);
    expect(codes({ status: { changed: 1, untracked: 0, conflicted: 0 } })).toEqual(['uncommitted']);
    expect(codes({ status: { changed: 0, untracked: 1, conflicted: 0 } })).toEqual(['untracked']);
    expect(codes({ status: { changed: 0, untracked: 0, conflicted: 1 } })).toEqual(['conflicted']);
    expect(codes({ operation: 'rebase' })).toEqual(['operation']);
    expect(codes({ unreachableCommits: 2 })).toEqual(['detached']);
  });

  test('is blocked by what could not be found out: unknown is not safe', () => {
    expect(codes({ status: undefined })).toEqual(['unverified']);
    expect(codes({ operation: undefined })).toEqual(['unverified']);
    expect(codes({ unreachableCommits: undefined })).toEqual(['unverified']);
    expect(codes({ status: undefined, operation: undefined, unreachableCommits: undefined })).toHaveLength(3);
  });

  test('names all blockers at once, in words', () => {
    const blockers = findBlockers({
      path: '/w',
      status: { changed: 1, untracked: 2, conflicted: 3 },
      operation: 'merge',
      unreachableCommits: 1,
      activeRun: 'r1',
    });
    expect(blockers.map(({ message }) => message)).toEqual([
      'run r1 is active in it',
      '3 files with conflicts',
      '1 changed file not committed',
      '2 untracked files',
      'a merge is in progress',
      '1 detached commit on no branch; give them one with `git branch`',
    ]);
  });
});
