import type { WorktreeRow } from '../../registry/rows.ts';

/** What a ready worktree must be like to be taken again. */
export interface Criteria {
  branchPrefix?: string | undefined;
  maxAgeMs?: number | undefined;
  maxUseCount?: number | undefined;
}

/** A ready worktree with the branch that it had last; null: it never had one. */
export interface Ready {
  row: WorktreeRow;
  lastBranch: string | null;
}

/** The one that was used last among those that fit, because its files are the warmest. Pure. */
export function chooseReady(ready: readonly Ready[], criteria: Criteria, now: number): WorktreeRow | undefined {
  const fitting = ready.filter((each) => fits(each, criteria, now)).map(({ row }) => row);
  return fitting.sort((a, b) => (b.lastUsedAt ?? 0) - (a.lastUsedAt ?? 0))[0];
}

function fits({ row, lastBranch }: Ready, criteria: Criteria, now: number): boolean {
  const { branchPrefix, maxAgeMs = Infinity, maxUseCount = Infinity } = criteria;
  if (branchPrefix !== undefined && !lastBranch?.startsWith(branchPrefix)) return false;
  return now - row.createdAt <= maxAgeMs && row.useCount <= maxUseCount;
}
