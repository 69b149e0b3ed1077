import type { ListedWorktree } from '../git/porcelain.ts';
import type { RepositoryRow } from '../registry/rows.ts';

/** Writes rows again from what lies on the disk. */
export interface Restorer {
  /** `stray`: nothing ever ran there, and the directory is removed; `unreadable`: it is left as it is. */
  restoreRun(id: string): Promise<'restored' | 'stray' | 'unreadable'>;
  /** Answers whether the worktree has a row now. */
  restoreWorktree(repository: RepositoryRow, listed: ListedWorktree): Promise<boolean>;
}
