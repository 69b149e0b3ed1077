import type { Git } from '../git/git.ts';
import { countOwnCommits, countUnpushed, findCommit } from '../git/questions.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { WorktreeFacts } from './facts.ts';

/** What would be lost with a branch; undefined: it could not be found out. */
export interface BranchLoss {
  branch: string;
  /** Commits that no other branch, tag or remote branch has. */
  ownCommits: number | undefined;
  /** Commits that its upstream lacks; null: it has no upstream. */
  unpushed: number | null | undefined;
  /** Its base has everything that is on it. */
  isMerged: boolean;
}

/** Looks at the branch of a worktree; null when it has none, or that is gone. */
export async function examineBranch(
  { git, worktreeFacts }: { git: Git; worktreeFacts: WorktreeFacts },
  repository: RepositoryRow,
  row: WorktreeRow,
): Promise<BranchLoss | null> {
  const { commonDir } = repository;
  const { branch, base } = row;
  const tip = branch === null ? undefined : await findCommit(git, commonDir, `refs/heads/${branch}`);
  if (branch === null || tip === undefined) return null;
  const [ownCommits, unpushed, comparison] = await Promise.all([
    countOwnCommits(git, commonDir, { branch, tip }).catch(() => undefined),
    countUnpushed(git, commonDir, branch).catch(() => undefined),
    worktreeFacts.comparisons.compare(repository, { branch, base }).catch(() => undefined),
  ]);
  return { branch, ownCommits, unpushed, isMerged: worktreeFacts.isMerged(row, comparison) };
}
