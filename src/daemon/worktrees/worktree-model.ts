import { isoTime } from '../../base/clock.ts';
import type { Lease, Worktree } from '../../contract/models.ts';
import type { LeaseRow, WorktreeRow } from '../registry/rows.ts';
import { portsOf } from './ports.ts';

const time = (epochMs: number | null): string | null => (epochMs === null ? null : isoTime(epochMs));

/** A row as the contract shows it; what is derived comes in from outside. */
export function toWorktree(
  row: WorktreeRow,
  derived: {
    repository: string;
    plan: string | null;
    conditions: Worktree['conditions'];
    lease: LeaseRow | undefined;
    diskMb: number | null;
  },
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
    lease: derived.lease ? toLease(derived.lease) : null,
    plan: derived.plan,
    task: row.task,
    owned: true,
    setup: row.setup,
    pr: row.pr,
    useCount: row.useCount,
    diskMb: derived.diskMb,
    createdAt: isoTime(row.createdAt),
    lastUsedAt: time(row.lastUsedAt),
    removedAt: time(row.removedAt),
    snapshot: row.snapshotId,
  };
}

/** A lease as the contract shows it. */
export const toLease = (row: LeaseRow): Lease => ({
  id: row.id,
  fence: row.fence,
  worktree: row.worktreeId,
  holder: row.holder,
  bind: row.bind,
  expiresAt: time(row.expiresAt),
});
