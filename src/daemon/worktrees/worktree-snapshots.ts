import { WtdError } from '../../contract/errors.ts';
import type { Snapshot, Worktree } from '../../contract/models.ts';
import type { Git } from '../git/git.ts';
import { treeStatus } from '../git/questions.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import { findWorktree, requireWorktree } from './address.ts';
import type { Restoring } from './restoring.ts';
import { toSnapshot } from './snapshot-model.ts';
import type { Snapshots } from './snapshots.ts';
import { toWorktree } from './worktree-model.ts';

interface Parts {
  registry: Registry;
  git: Git;
  repositories: Repositories;
  snapshots: Snapshots;
  restoring: Restoring;
}

/** Snapshots of worktrees, as callers see them. */
export class WorktreeSnapshots {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws NOT_FOUND, INVALID_STATE while it is being made or taken away, UNSAFE when not all of it can be kept. */
  async take(address: Address & { worktree: string }, reason = 'asked for'): Promise<Snapshot> {
    const { snapshots } = this.#parts;
    const { repository, row } = await this.#locate(address);
    if (row.state === 'creating' || row.state === 'cleaning' || row.state === 'removed') throw notThere(row);
    return toSnapshot(await snapshots.take(repository, row, reason), repository.name);
  }

  async restore(wish: { snapshot: string; name?: string | undefined }): Promise<Worktree> {
    const { registry, git, restoring } = this.#parts;
    const row = await restoring.restore(wish);
    const status = await treeStatus(git, row.path);
    const conditions: Worktree['conditions'] = [];
    if (status.conflicted > 0) conditions.push('conflicted');
    if (status.changed + status.untracked + status.conflicted > 0) conditions.push('dirty');
    const repository = registry.repositories.get(row.repositoryId)?.name ?? '';
    return toWorktree(row, { repository, plan: null, conditions, lease: undefined, diskMb: null });
  }

  async list(address: Address): Promise<Snapshot[]> {
    const { registry, repositories, snapshots } = this.#parts;
    const rows = await snapshots.list(await repositories.findForList(address));
    return rows.map((row) => toSnapshot(row, registry.repositories.get(row.repositoryId)?.name ?? ''));
  }

  async #locate({
    worktree,
    ...address
  }: Address & { worktree: string }): Promise<{ repository: RepositoryRow; row: WorktreeRow }> {
    const { registry, repositories } = this.#parts;
    const known = findWorktree(registry, worktree);
    const owner = known && registry.repositories.get(known.repositoryId);
    const repository = owner ?? (await repositories.require(address));
    return { repository, row: requireWorktree(registry, repository, worktree) };
  }
}

const notThere = ({ path, state }: WorktreeRow): WtdError =>
  new WtdError('INVALID_STATE', `the worktree ${path} is ${state}`, {
    hint: state === 'removed' ? 'see `wtd worktree snapshots` for what was kept of it' : 'try again in a moment',
    state,
    allowed: ['available', 'in_use', 'failed'],
  });
