import { expect, test } from 'vitest';
import { planSteps, type Decided } from '../../../../src/daemon/plans/homecoming/completion-plan.ts';

const decided: Decided = {
  plan: 'login',
  branch: 'plan/login',
  tip: 'a'.repeat(40),
  into: 'main',
  from: 'b'.repeat(40),
  strategy: 'merge',
  checkout: '/shop',
  verify: [['npm', 'test']],
  archive: 'archive/plan/login',
  worktree: '/shop/worktrees/plan-login',
  deleteBranch: true,
};

const detailsOf = (changes: Partial<Decided>) => planSteps({ ...decided, ...changes }).map(({ detail }) => detail);

test('every step is told, in order', () => {
  expect(detailsOf({})).toEqual([
    'merge plan/login (aaaaaaaaaa) into main (bbbbbbbbbb)',
    'run npm test on the merged tree',
    'keep plan/login at aaaaaaaaaa as the tag archive/plan/login',
    'move main and the files of /shop',
    'record that login is completed',
    'take /shop/worktrees/plan-login away and give its ports back',
    'delete the branch plan/login, which main has',
  ]);
});

test('what is not to be done is no step', () => {
  const least = { verify: [], archive: null, worktree: null, deleteBranch: false, checkout: null };
  expect(detailsOf({ ...least, strategy: 'squash' })).toEqual([
    'squash plan/login (aaaaaaaaaa) into main (bbbbbbbbbb) as one commit',
    'move main, which is checked out nowhere',
    'record that login is completed',
  ]);
  expect(detailsOf({ ...least, strategy: 'ff' })[0]).toBe('fast-forward main (bbbbbbbbbb) to plan/login (aaaaaaaaaa)');
});
