import type { Handler } from './handler.ts';

export const snapshot: Handler<'worktree.snapshot'> = ({ worktreeSnapshots }, { reason, ...address }) =>
  worktreeSnapshots.take(address, reason);

export const restore: Handler<'worktree.restore'> = ({ worktreeSnapshots }, wish) => worktreeSnapshots.restore(wish);

export const snapshots: Handler<'worktree.snapshots'> = async ({ worktreeSnapshots }, address) => ({
  snapshots: await worktreeSnapshots.list(address),
});
