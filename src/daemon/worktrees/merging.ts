import type { Git } from '../git/git.ts';
import { addsNothing, findCommit, isAncestor } from '../git/questions.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../registry/rows.ts';

export interface Merging {
  /** It has commits that its base lacks; undefined: there is no base to ask. */
  isUnmerged: boolean | undefined;
  /** It had commits of its own, and its base has them. */
  isMerged: boolean;
}

interface About {
  repository: RepositoryRow;
  row: WorktreeRow;
  plan: PlanRow | undefined;
  /** The commit of the branch that is checked out there, which may be another one; undefined: HEAD is detached. */
  head: string | undefined;
}

/** Whether the commits of a worktree have come home. By its own branch it is merged, by either it is not. */
export async function askMerging(git: Git, { repository, row, plan, head }: About): Promise<Merging> {
  const { commonDir, defaultBranch } = repository;
  const { branch } = row;
  const tip = branch === null ? undefined : await findCommit(git, commonDir, `refs/heads/${branch}`);
  const commits = [...new Set([tip, head])].filter((commit) => commit !== undefined);
  if (commits.length === 0) return { isUnmerged: false, isMerged: false };
  const baseName = plan?.base ?? row.base ?? defaultBranch;
  const base = baseName === null ? undefined : await findBase(git, commonDir, baseName);
  if (base === undefined) return { isUnmerged: undefined, isMerged: false };
  const isContained = async (tip: string) =>
    (await isAncestor(git, commonDir, { tip, base })) || (await addsNothing(git, commonDir, { tip, base }));
  const isUnmerged = (await Promise.all(commits.map(isContained))).includes(false);
  // The base's own branch is where others are merged to.
  const hasLeft = tip !== undefined && tip !== (plan?.baseCommit ?? row.baseCommit) && branch !== baseName;
  const isMoving = plan?.intent?.kind === 'rebase';
  return { isUnmerged, isMerged: hasLeft && !isUnmerged && !isMoving };
}

/** A branch comes before a tag of its name. */
export const findBase = async (git: Git, commonDir: string, name: string): Promise<string | undefined> =>
  (await findCommit(git, commonDir, `refs/heads/${name}`)) ?? findCommit(git, commonDir, name);
