import { newId } from '../../base/id.ts';
import type { PortRange } from '../../contract/models.ts';
import type { WorktreeRow } from '../registry/rows.ts';

type Given = Pick<WorktreeRow, 'repositoryId' | 'name' | 'branch' | 'branchMade' | 'base' | 'baseCommit' | 'path'> &
  Pick<WorktreeRow, 'kind' | 'state' | 'createdAt'> & { task?: string | undefined; ports: PortRange | null };

/** A worktree that nobody has used or noted anything about. */
export const newRow = ({ task, ports, ...given }: Given): WorktreeRow => ({
  ...given,
  id: newId(),
  declared: 'active',
  task: task ?? null,
  pr: null,
  setup: null,
  snapshotId: null,
  removal: null,
  fence: 0,
  portStart: ports?.start ?? null,
  portEnd: ports?.end ?? null,
  useCount: 0,
  lastUsedAt: null,
  removedAt: null,
});
