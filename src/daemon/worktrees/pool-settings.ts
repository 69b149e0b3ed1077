import type { Configuration } from '../config.ts';

/** What every pool is to be like now; a repository's own files have no say in it. */
export type PoolSettings = () => Pick<
  Configuration['current']['worktrees'],
  'parallel_worktrees' | 'allocation_strategy' | 'pool_size' | 'cleanup_policy'
>;
