import type { ListedWorktree, TreeStatus } from '../git/porcelain.ts';
import type { BranchLoss } from './branch-loss.ts';
import { ownerOfLock } from './naming.ts';

export interface Blocker {
  code: string;
  message: string;
}

/** What is known of a worktree that is about to go; undefined: it could not be found out. */
export interface Findings {
  path: string;
  status: TreeStatus | undefined;
  /** Name of a rebase, merge or the like that was begun there. */
  operation: string | null | undefined;
  /** Commits that HEAD, when detached, would take with it. */
  unreachableCommits: number | undefined;
  activeRun: string | null;
}

/** Everything that would be lost, all at once; what could not be checked counts as a blocker. Pure. */
export function findBlockers(findings: Findings): Blocker[] {
  const { path, status, operation, unreachableCommits, activeRun } = findings;
  const blockers: Blocker[] = [];
  const block = (code: string, message: string) => blockers.push({ code, message });
  if (activeRun !== null) block('active_run', `run ${activeRun} is active in it`);
  if (status === undefined) block('unverified', `the state of ${path} could not be checked`);
  else {
    if (status.conflicted > 0) block('conflicted', `${count(status.conflicted, 'file')} with conflicts`);
    if (status.changed > 0) block('uncommitted', `${count(status.changed, 'changed file')} not committed`);
    if (status.untracked > 0) block('untracked', count(status.untracked, 'untracked file'));
  }
  if (operation === undefined) block('unverified', `it could not be checked whether git is busy in ${path}`);
  else if (operation !== null) block('operation', `a ${operation} is in progress`);
  if (unreachableCommits === undefined) block('unverified', `the commits of ${path} could not be checked`);
  else if (unreachableCommits > 0)
    block(
      'detached',
      `${count(unreachableCommits, 'detached commit')} on no branch; give them one with \`git branch\``,
    );
  return blockers;
}

/** What would be lost with a branch that is to be deleted, unless its base has it. Pure. */
export function findBranchBlockers({ branch, ownCommits, unpushed, isMerged }: BranchLoss): Blocker[] {
  if (isMerged) return [];
  const blockers: Blocker[] = [];
  const block = (code: string, message: string) => blockers.push({ code, message });
  if (ownCommits === undefined) block('unverified', `the commits of the branch ${branch} could not be checked`);
  else if (ownCommits > 0) block('unmerged', `${count(ownCommits, 'unmerged commit')} on no branch but ${branch}`);
  if (unpushed === undefined) block('unverified', `it could not be checked whether ${branch} is pushed`);
  else if (unpushed !== null && unpushed > 0) block('unpushed', `${count(unpushed, 'unpushed commit')} on ${branch}`);
  return blockers;
}

/** The main worktree is listed first. Pure. */
export const findMainCheckout = (listed: readonly ListedWorktree[], path: string): Blocker | null =>
  listed[0]?.path === path ? { code: 'main_worktree', message: `${path} is the main checkout, which stays` } : null;

/** Why what git lists at a path is not this home's to take away. Pure. */
export function findClaim(listed: readonly ListedWorktree[], path: string, home: string): Blocker | null {
  const main = findMainCheckout(listed, path);
  if (main !== null) return main;
  const reason = listed.find((entry) => entry.path === path)?.lockReason ?? null;
  if (reason === null || ownerOfLock(reason, home) !== undefined) return null;
  const why = reason === '' ? '' : ` (${reason})`;
  return {
    code: 'locked',
    message: `${path} is locked by somebody else${why}; unlock it with \`git worktree unlock\` when it may go`,
  };
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
