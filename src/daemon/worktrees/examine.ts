import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import { countUnreachable, listWorktrees, treeStatus } from '../git/questions.ts';
import type { Findings } from './safety.ts';

/** What git leaves in a worktree's own directory while an operation is under way. */
const operationMarks: readonly [string, string][] = [
  ['rebase-merge', 'rebase'],
  ['rebase-apply', 'rebase'],
  ['MERGE_HEAD', 'merge'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  ['BISECT_LOG', 'bisect'],
];

/** Looks at what would be lost with a worktree. One whose directory is gone may still keep commits of a detached HEAD. */
export async function examine(
  git: Git,
  { commonDir }: { commonDir: string },
  path: string,
): Promise<Omit<Findings, 'activeRun'>> {
  if (await isMissing(path)) {
    const unreachableCommits = await countKeptByEntry(git, commonDir, path).catch(() => undefined);
    return { path, status: { changed: 0, untracked: 0, conflicted: 0 }, operation: null, unreachableCommits };
  }
  const [status, operation, unreachableCommits] = await Promise.all([
    treeStatus(git, path).catch(() => undefined),
    findOperation(git, path).catch(() => undefined),
    countUnreachable(git, path, 'HEAD').catch(() => undefined),
  ]);
  return { path, status, operation, unreachableCommits };
}

export async function isMissing(path: string): Promise<boolean> {
  try {
    await access(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Nothing at all when the repository is gone as well. */
async function countKeptByEntry(git: Git, commonDir: string, path: string): Promise<number> {
  if (await isMissing(commonDir)) return 0;
  const entry = (await listWorktrees(git, commonDir)).find((listed) => listed.path === path);
  if (!entry || entry.branch !== null || entry.head === null) return 0;
  return countUnreachable(git, commonDir, entry.head);
}

async function findOperation(git: Git, path: string): Promise<string | null> {
  const directory = await git.read(path, ['rev-parse', '--absolute-git-dir']);
  for (const [mark, operation] of operationMarks) {
    if (!(await isMissing(join(directory, mark)))) return operation;
  }
  return null;
}
