import { isoTime } from '../../base/clock.ts';
import type { Worktree } from '../../contract/models.ts';
import type { WorktreeRow } from '../registry/rows.ts';
import { portsOf } from './ports.ts';

const time = (epochMs: number | null): string | null => (epochMs === null ? null : isoTime(epochMs));

/** A row as the contract shows it; what is derived comes in from outside. */
export function toWorktree(
  row: WorktreeRow,
  derived: { repository: string; plan: string | null; conditions: Worktree['conditions'] },
): Worktree {
  return {
    id: row.id,
    name: row.name,
    repository: derived.repository,
    branch: row.branch,
    base: row.base,
    path: row.path,
    kind: row.kind,
    state: row.state,
    declared: row.declared,
    conditions: derived.conditions,
    ports: portsOf(row),
    lease: null,
    plan: derived.plan,
    task: row.task,
    pr: null,
    useCount: row.useCount,
    diskMb: null,
    createdAt: isoTime(row.createdAt),
    lastUsedAt: time(row.lastUsedAt),
    removedAt: time(row.removedAt),
    snapshot: null,
  };
}
