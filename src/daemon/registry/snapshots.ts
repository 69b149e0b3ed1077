import type { SnapshotRow } from './rows.ts';
import { Table, type Store } from './table.ts';

/** The table of snapshots. */
export class SnapshotRows extends Table<SnapshotRow> {
  constructor(store: Store) {
    super(store, 'snapshots', {});
  }

  list(): SnapshotRow[] {
    return this.all('ORDER BY created_at DESC, id');
  }

  of(repositoryId: string): SnapshotRow[] {
    return this.all('WHERE repository_id = ? ORDER BY created_at DESC, id', repositoryId);
  }

  madeBefore(time: number): SnapshotRow[] {
    return this.all('WHERE created_at < ?', time);
  }
}
