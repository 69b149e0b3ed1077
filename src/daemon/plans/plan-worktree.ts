import type { Registry } from '../registry/registry.ts';
import type { PlanRow, WorktreeRow } from '../registry/rows.ts';

/** The worktree that a plan has; one that was removed is only history. */
export function worktreeOf(registry: Registry, { worktreeId }: PlanRow): WorktreeRow | undefined {
  const row = worktreeId === null ? undefined : registry.worktrees.get(worktreeId);
  return row?.state === 'removed' ? undefined : row;
}
