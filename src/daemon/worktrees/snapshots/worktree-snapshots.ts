import { WtdError } from '../../../contract/errors.ts';
import type { Snapshot, Worktree } from '../../../contract/models.ts';
import type { Registry } from '../../registry/registry.ts';
import type { WorktreeRow } from '../../registry/rows.ts';
import type { Address, Repositories } from '../../repositories/repositories.ts';
import { locateEvenRemoved, type WorktreeAddress } from '../address.ts';
import type { WorktreeFacts } from '../facts.ts';
import type { WorktreeModels } from '../worktree-models.ts';
import { toSnapshot } from './model.ts';
import type { Restoring } from './restoring.ts';
import type { Snapshots } from './snapshots.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  snapshots: Snapshots;
  restoring: Restoring;
  worktreeFacts: WorktreeFacts;
  worktreeModels: WorktreeModels;
}

/** Snapshots of worktrees, as callers see them. */
export class WorktreeSnapshots {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws NOT_FOUND, INVALID_STATE while it is being made or taken away, UNSAFE when not all of it can be kept. */
  async take(address: WorktreeAddress, reason = 'asked for'): Promise<Snapshot> {
    const { snapshots } = this.#parts;
    const { repository, row } = await locateEvenRemoved(this.#parts, address);
    if (row.state === 'creating' || row.state === 'cleaning' || row.state === 'removed') throw notThere(row);
    return toSnapshot(await snapshots.take(repository, row, reason), repository.name);
  }

  async restore(wish: { snapshot: string; name?: string | undefined }): Promise<Worktree> {
    const { restoring, worktreeFacts, worktreeModels } = this.#parts;
    const row = await restoring.restore(wish);
    await worktreeFacts.refresh([row], 0);
    return worktreeModels.of(row);
  }

  async list(address: Address): Promise<Snapshot[]> {
    const { registry, repositories, snapshots } = this.#parts;
    const rows = await snapshots.list(await repositories.findForList(address));
    return rows.map((row) => toSnapshot(row, registry.repositories.get(row.repositoryId)?.name ?? ''));
  }
}

const notThere = ({ path, state }: WorktreeRow): WtdError =>
  new WtdError('INVALID_STATE', `the worktree ${path} is ${state}`, {
    hint: state === 'removed' ? 'see `wtd worktree snapshots` for what was kept of it' : 'try again in a moment',
    state,
    allowed: ['available', 'in_use', 'failed'],
  });
