import type { Registry } from '../registry/registry.ts';
import type { RunRow, WorktreeRow } from '../registry/rows.ts';

/** The run that is active in a worktree, or that will be once its turn comes. */
export function activeRunIn(registry: Registry, row: WorktreeRow): RunRow | undefined {
  const plan = registry.plans.byWorktree(row.id);
  return registry.runs.active().find((run) => run.worktreeId === row.id || run.planId === plan?.id);
}

/** When somebody used a worktree last; `now` while somebody does. */
export function lastUseOf(registry: Registry, row: WorktreeRow, now: number): number {
  if (row.state !== 'in_use' || registry.leases.ofWorktree(row.id) || activeRunIn(registry, row)) return now;
  const plan = registry.plans.byWorktree(row.id);
  const lastRun = plan && registry.runs.latestOf(plan.id);
  return Math.max(row.createdAt, row.lastUsedAt ?? 0, lastRun?.endedAt ?? 0);
}
