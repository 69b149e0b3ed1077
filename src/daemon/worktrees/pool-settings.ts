import type { Configuration } from '../config.ts';
import type { RepositoryRow } from '../registry/rows.ts';

/** What the pool of a repository is to be like. */
export type PoolSettings = (
  repository: RepositoryRow,
) => Promise<
  Pick<
    Configuration['current']['worktrees'],
    'parallel_worktrees' | 'allocation_strategy' | 'pool_size' | 'cleanup_policy'
  >
>;
