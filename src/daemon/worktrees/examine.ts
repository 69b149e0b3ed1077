import type { Git } from '../git/git.ts';
import { countUnreachable, treeStatus } from '../git/questions.ts';
import { examineEntry, isMissing, markedOperation } from './entry.ts';
import type { Findings } from './safety.ts';

/** Looks at what would be lost with a worktree, also with one whose directory is gone. */
export async function examine(
  git: Git,
  repository: { commonDir: string },
  path: string,
): Promise<Omit<Findings, 'activeRun'>> {
  if (await isMissing(path)) return { path, ...(await examineEntry(git, repository, path)) };
  const [status, operation, unreachableCommits] = await Promise.all([
    treeStatus(git, path).catch(() => undefined),
    findOperation(git, path).catch(() => undefined),
    countUnreachable(git, path, 'HEAD').catch(() => undefined),
  ]);
  return { path, status, operation, unreachableCommits };
}

/** The operation that was begun in a worktree; null: none. */
export const findOperation = async (git: Git, path: string): Promise<string | null> =>
  markedOperation(await git.read(path, ['rev-parse', '--absolute-git-dir']));
