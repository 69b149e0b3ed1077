import type { Git } from '../git/git.ts';
import { countUnreachable, listWorktrees } from '../git/questions.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import type { RepositoryRow } from '../registry/rows.ts';
import { isMissing } from '../worktrees/examine.ts';
import { typedGit } from './describe.ts';

/**
 * What git remembers of a worktree whose directory is gone is all that keeps the commits of a detached HEAD. Answers
 * how people keep them, or null when there is nothing to keep.
 */
export async function whyKept(git: Git, repository: RepositoryRow, listed: ListedWorktree): Promise<string | null> {
  if (listed.branch !== null || listed.head === null) return null;
  const commits = await countUnreachable(git, repository.commonDir, listed.head).catch(() => undefined);
  if (commits === 0) return null;
  const keep = typedGit(repository, 'branch', '<name>', listed.head);
  return commits === undefined
    ? `its HEAD ${listed.head} could not be read; see what ${typedGit(repository, 'fsck')} says`
    : `${commits} commits of it are on no branch; keep them with ${keep}, then run \`wtd doctor --repair\``;
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
