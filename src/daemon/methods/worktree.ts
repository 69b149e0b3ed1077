import type { Handler } from './handler.ts';

export const snapshot: Handler<'worktree.snapshot'> = ({ worktreeSnapshots }, { reason, ...address }) =>
  worktreeSnapshots.take(address, reason);

export const restore: Handler<'worktree.restore'> = ({ worktreeSnapshots }, wish) => worktreeSnapshots.restore(wish);

export const snapshots: Handler<'worktree.snapshots'> = async ({ worktreeSnapshots }, address) => ({
  snapshots: await worktreeSnapshots.list(address),
});
export const create: Handler<'worktree.create'> = ({ worktrees }, { repository, cwd, ...wish }) =>
  worktrees.create({ repository, cwd }, wish);

export const list: Handler<'worktree.list'> = async ({ worktreeList }, wanted) => ({
  worktrees: await worktreeList.list(wanted),
});

export const show: Handler<'worktree.show'> = ({ worktreeList }, address) => worktreeList.show(address);

export const update: Handler<'worktree.update'> = ({ worktrees }, { task, pr, declared, ...address }) =>
  worktrees.update(address, { task, pr, declared });

export const adopt: Handler<'worktree.adopt'> = ({ adoption }, { path, ...address }) => adoption.adopt(address, path);

export const remove: Handler<'worktree.remove'> = ({ worktrees }, { force, deleteBranch, dryRun, ...address }) =>
  worktrees.remove(address, { force, deleteBranch, dryRun });

export const health: Handler<'worktree.health'> = ({ worktreeHealth }, address) => worktreeHealth.check(address);
