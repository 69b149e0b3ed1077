import type { Git } from '../git/git.ts';
import { listWorktrees } from '../git/questions.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import type { RepositoryRow } from '../registry/rows.ts';
import { examineEntry, isMissing } from '../worktrees/entry.ts';
import { isLock } from '../worktrees/naming.ts';
import { findBlockers } from '../worktrees/safety.ts';
import { typed, typedGit } from './describe.ts';

/**
 * What git remembers of a worktree whose directory is gone is all that keeps what was staged there and the commits of a
 * detached HEAD. Answers what people have to do before it may go, or null when there is nothing to keep.
 */
export async function whyKept(git: Git, repository: RepositoryRow, listed: ListedWorktree): Promise<string | null> {
  const { path, lockReason } = listed;
  if (lockReason !== null && !isLock(lockReason)) {
    const unlock = typedGit(repository, 'worktree', 'unlock', path);
    return `somebody locked it${lockReason === '' ? '' : ` (${lockReason})`}; bring the directory back, or unlock it with ${unlock}, then run \`wtd doctor --repair\``;
  }
  const findings = await examineEntry(git, repository, path);
  const blockers = findBlockers({ path, ...findings, activeRun: null });
  if (blockers.length === 0) return null;
  const what = blockers.map(({ message }) => message).join(', ');
  return `git still keeps work of it: ${what}; ${wayBack(repository, listed, findings)}, then run \`wtd doctor --repair\``;
}

type Kept = Awaited<ReturnType<typeof examineEntry>>;

function wayBack(repository: RepositoryRow, { path, head }: ListedWorktree, kept: Kept): string {
  const isStaged = kept.status === undefined || kept.status.changed > 0 || kept.operation !== null;
  const ways = [
    ...(isStaged
      ? [
          `bring the directory back, or make it again with ${typed('mkdir', '-p', '--', path)} and ${typedGit(repository, 'worktree', 'repair')}, and commit or unstage what is there`,
        ]
      : []),
    ...(kept.unreachableCommits === 0 || head === null
      ? []
      : [`keep its commits with ${typedGit(repository, 'branch', '<name>', head)}`]),
    ...(kept.unreachableCommits === undefined ? [`see what ${typedGit(repository, 'fsck')} says`] : []),
  ];
  return ways.join(', ');
}

/**
 * Makes git forget a worktree whose directory is gone. Answers null when it is forgotten, else why not. The caller holds
 * the lock.
 */
export async function forgetEntry(git: Git, repository: RepositoryRow, path: string): Promise<string | null> {
  const { commonDir } = repository;
  const listed = (await listWorktrees(git, commonDir)).slice(1).find((entry) => entry.path === path);
  if (!listed) return null;
  if (!(await isMissing(path))) return `${path} is there again; run \`wtd doctor\` once more`;
  const kept = await whyKept(git, repository, listed);
  if (kept !== null) return kept;
  if (listed.locked) await git.write(commonDir, ['worktree', 'unlock', '--', path]);
  try {
    // Without --force, so that git refuses should the directory come back with work in it at this very moment.
    await git.write(commonDir, ['worktree', 'remove', '--', path]);
  } catch (error) {
    if (listed.lockReason !== null) {
      await git.ask(commonDir, ['worktree', 'lock', '--reason', listed.lockReason, '--', path]);
    }
    throw error;
  }
  return null;
}
