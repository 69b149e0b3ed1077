import type { WorktreeRow } from './rows.ts';
import { Table, type Store } from './table.ts';

/** The table of worktrees wtd owns; removed ones stay as history. */
export class WorktreeRows extends Table<WorktreeRow> {
  constructor(store: Store) {
    super(store, 'worktrees', { branchMade: 'boolean', pr: 'json', setup: 'json', removal: 'json' });
  }

  /** Also those that are removed. */
  everyone(): WorktreeRow[] {
    return this.all('');
  }

  removedBefore(time: number): WorktreeRow[] {
    return this.all("WHERE state = 'removed' AND removed_at < ?", time);
  }

  /** Those that are not removed. */
  live(): WorktreeRow[] {
    return this.all("WHERE state <> 'removed' ORDER BY created_at, id");
  }

  liveOf(repositoryId: string): WorktreeRow[] {
    return this.all("WHERE repository_id = ? AND state <> 'removed' ORDER BY created_at, id", repositoryId);
  }

  countLive(): number {
    return this.count("WHERE state <> 'removed'");
  }

  unfinished(): WorktreeRow[] {
    return this.all("WHERE state IN ('creating', 'cleaning')");
  }

  /** Whether a row, also one of a removed worktree, tells that wtd made this branch at this commit. */
  didMake(repositoryId: string, { branch, commit }: { branch: string; commit: string }): boolean {
    const of = 'WHERE repository_id = ? AND branch = ? AND base_commit = ? AND branch_made = 1';
    return this.count(of, repositoryId, branch, commit) > 0;
  }

  /** Whether a row, also one of a removed worktree, has this path. */
  everHad(path: string): boolean {
    return this.count('WHERE path = ?', path) > 0;
  }

  byPath(path: string): WorktreeRow | undefined {
    return this.first("WHERE path = ? AND state <> 'removed'", path);
  }

  byName(repositoryId: string, name: string): WorktreeRow | undefined {
    return this.first("WHERE repository_id = ? AND name = ? AND state <> 'removed'", repositoryId, name);
  }
}
