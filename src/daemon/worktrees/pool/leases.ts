import type { Clock } from '../../../base/clock.ts';
import { newId } from '../../../base/id.ts';
import type { Registry, Tell } from '../../registry/registry.ts';
import type { LeaseRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import { alreadyReleased, unknownLease, wrongFence } from './refusals.ts';

/** What shows that somebody speaks for a lease. */
export interface Proof {
  lease: string;
  fence: number;
}

export interface Terms {
  source: LeaseRow['source'];
  holder?: string | undefined;
  bind?: LeaseRow['bind'] | undefined;
  ttlMs?: number | undefined;
  /** When the call came, of the monotonic clock. */
  began: number;
}

/** The leases of all pools: who may use which worktree, and until when. */
export class PoolLeases {
  readonly #registry: Registry;
  readonly #clock: Clock;
  /** Of the monotonic clock, so that no lease ends because the clock is set. */
  readonly #deadlines = new Map<string, number>();

  constructor({ registry, clock }: { registry: Registry; clock: Clock }) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** Throws NOT_FOUND, and INVALID_STATE for one that has ended or whose number is another. */
  requireLive({ lease: id, fence }: Proof): LeaseRow {
    const lease = this.#registry.leases.get(id);
    if (!lease) throw unknownLease(id);
    if (lease.releasedAt !== null) throw alreadyReleased(lease);
    if (lease.fence !== fence) throw wrongFence(lease, fence);
    return lease;
  }

  /** A part of the change that lends the worktree. */
  grant(row: WorktreeRow, terms: Terms, { repository, tell }: { repository: RepositoryRow; tell: Tell }): LeaseRow {
    const now = this.#clock.now();
    const { source, holder = 'anonymous', bind = 'none', ttlMs } = terms;
    const lease: LeaseRow = {
      id: newId(),
      repositoryId: repository.id,
      worktreeId: row.id,
      fence: row.fence + 1,
      holder,
      branch: row.branch,
      bind,
      source,
      durationMs: Math.round((performance.now() - terms.began) * 1000) / 1000,
      acquiredAt: now,
      expiresAt: ttlMs === undefined ? null : now + ttlMs,
      releasedAt: null,
      outcome: null,
    };
    this.#registry.leases.insert(lease);
    this.#registry.worktrees.update(row.id, { fence: lease.fence });
    const data = { lease: lease.id, fence: lease.fence, holder, source };
    tell({ type: 'pool.acquired', repository: repository.name, worktree: row.id, data });
    return lease;
  }

  renew(proof: Proof, ttlMs: number): LeaseRow {
    const lease = this.requireLive(proof);
    const expiresAt = this.#clock.now() + ttlMs;
    this.#registry.change(() => {
      this.#registry.leases.update(lease.id, { expiresAt });
    });
    this.#deadlines.set(lease.id, performance.now() + ttlMs);
    return { ...lease, expiresAt };
  }

  /** Ends it, and says what becomes of its worktree. */
  end(lease: LeaseRow, outcome: 'done' | 'failed', state: 'cleaning' | 'failed'): void {
    const { repositories, worktrees, leases } = this.#registry;
    const repository = repositories.get(lease.repositoryId)?.name ?? null;
    const releasedAt = this.#clock.now();
    this.#registry.change((tell) => {
      leases.update(lease.id, { releasedAt, outcome });
      // One that a person took away meanwhile is not in use any more.
      if (worktrees.get(lease.worktreeId)?.state === 'in_use')
        worktrees.update(lease.worktreeId, { state, lastUsedAt: releasedAt });
      const data = { lease: lease.id, fence: lease.fence, outcome };
      tell({ type: 'pool.released', repository, worktree: lease.worktreeId, data });
    });
  }

  /** Those whose time is over, and those whose worktree is gone. */
  overdue(): LeaseRow[] {
    const live = this.#registry.leases.live();
    for (const id of this.#deadlines.keys()) if (!live.some((lease) => lease.id === id)) this.#deadlines.delete(id);
    return live.filter((lease) => this.#isOver(lease) || this.#isWithoutWorktree(lease));
  }

  #isOver({ id, expiresAt }: LeaseRow): boolean {
    if (expiresAt === null) return false;
    const deadline = this.#deadlines.get(id) ?? performance.now() + expiresAt - this.#clock.now();
    this.#deadlines.set(id, deadline);
    return performance.now() >= deadline;
  }

  #isWithoutWorktree({ worktreeId }: LeaseRow): boolean {
    const state = this.#registry.worktrees.get(worktreeId)?.state;
    return state === undefined || state === 'removed';
  }
}
