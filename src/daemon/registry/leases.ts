import type { LeaseRow } from './rows.ts';
import { Table, type Store } from './table.ts';

/** The table of leases; those that were released stay for a time. */
export class LeaseRows extends Table<LeaseRow> {
  constructor(store: Store) {
    super(store, 'leases', {});
  }

  live(): LeaseRow[] {
    return this.all('WHERE released_at IS NULL ORDER BY acquired_at, id');
  }

  liveOf(repositoryId: string): LeaseRow[] {
    return this.all('WHERE repository_id = ? AND released_at IS NULL ORDER BY acquired_at, id', repositoryId);
  }

  /** The one that holds a worktree now. */
  ofWorktree(worktreeId: string): LeaseRow | undefined {
    return this.first('WHERE worktree_id = ? AND released_at IS NULL', worktreeId);
  }

  /** The last one that was given of a worktree, whether or not it lives. */
  lastOfWorktree(worktreeId: string): LeaseRow | undefined {
    return this.first('WHERE worktree_id = ? ORDER BY fence DESC', worktreeId);
  }

  /** The newest first. */
  latestOf(repositoryId: string, most: number): LeaseRow[] {
    return this.all('WHERE repository_id = ? ORDER BY acquired_at DESC, id DESC LIMIT ?', repositoryId, most);
  }

  releasedBefore(time: number): LeaseRow[] {
    return this.all('WHERE released_at < ?', time);
  }
}
