import { isoTime } from '../../../base/clock.ts';
import type { Snapshot } from '../../../contract/models.ts';
import type { SnapshotRow } from '../../registry/rows.ts';

/** A snapshot as the contract shows it. */
export const toSnapshot = (row: SnapshotRow, repository: string): Snapshot => ({
  id: row.id,
  repository,
  worktree: row.worktreeId,
  name: row.name,
  branch: row.branch,
  commit: row.commit,
  reason: row.reason,
  createdAt: isoTime(row.createdAt),
});
