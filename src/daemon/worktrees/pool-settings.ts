import type { Configuration } from '../config.ts';

/** What pools are to be like. No repository has a say in it, so that no file of one can keep anybody from a release. */
export type PoolSettings = () => Pick<
  Configuration['current']['worktrees'],
  'parallel_worktrees' | 'allocation_strategy' | 'pool_size' | 'cleanup_policy'
>;
