import { faultPoint } from '../../../base/fault-point.ts';
import type { Params, Result } from '../../../contract/index.ts';
import type { Lease } from '../../../contract/models.ts';
import type { Logger } from '../../log.ts';
import type { Registry, Tell } from '../../registry/registry.ts';
import type { LeaseRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import type { Address, Repositories } from '../../repositories/repositories.ts';
import { toLease } from '../worktree-model.ts';
import type { WorktreeModels } from '../worktree-models.ts';
import { poolFigures } from './figures.ts';
import type { PoolLeases, Proof } from './leases.ts';
import type { Lending } from './lending.ts';
import { isOfPool } from './ready.ts';
import type { Recycling } from './recycling.ts';
import { keptFailed, lent, notOfPool, onlyNamed, poolFull } from './refusals.ts';
import type { PoolSettings } from './settings.ts';
import type { PoolWaiters } from './waiters.ts';

interface Parts {
  registry: Registry;
  log: Logger;
  repositories: Repositories;
  poolSettings: PoolSettings;
  worktreeModels: WorktreeModels;
  poolLeases: PoolLeases;
  poolWaiters: PoolWaiters;
  lending: Lending;
  recycling: Recycling;
  /** The daemon ends, and closes connections itself. */
  isEnding: () => boolean;
}

type Wish = Omit<Params<'pool.acquire'>, 'repository' | 'cwd'>;
type Outcome = 'done' | 'failed';

/** Whoever asks, as long as it is connected. */
interface Connection {
  readonly signal: AbortSignal;
  onClose(listener: () => void): void;
}

/** A place among those who may have a worktree at once, until the lease takes its part. */
interface Seat {
  leave: () => void;
}

/** Lends worktrees: to one holder at a time, at most so many at once. */
export class Pool {
  readonly #parts: Parts;
  /** Acquires that have a place and no lease yet, by repository. */
  readonly #seated = new Map<string, Set<Seat>>();
  /** Names that are being lent: `<repository>/<name>`. */
  readonly #names = new Set<string>();
  readonly #bound = new WeakMap<AbortSignal, Set<string>>();
  readonly #lastAsked = new Map<string, number>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** When somebody last asked for a worktree of this repository, of the monotonic clock. */
  lastAsked(repositoryId: string): number {
    return this.#lastAsked.get(repositoryId) ?? -Infinity;
  }

  /** Throws LIMIT_REACHED or BUSY at once without `waitMs`, else TIMEOUT; INVALID_STATE; what making one throws. */
  async acquire(address: Address, wish: Wish, caller: Connection): Promise<Result<'pool.acquire'>> {
    const began = performance.now();
    const { repositories, poolSettings, poolWaiters, lending } = this.#parts;
    const repository = await repositories.resolve(address);
    const settings = await poolSettings.refresh(repository);
    if (settings.allocation_strategy === 'dedicated' && wish.name === undefined) throw onlyNamed();
    let head = await lending.resolve(repository, wish);
    repositories.keep(repository);
    this.#lastAsked.set(repository.id, performance.now());
    let tries = 0;
    const max = settings.parallel_worktrees;
    const seat = await poolWaiters.enter(repository.id, {
      attempt: () => {
        tries += 1;
        return this.#findSeat(repository, { name: wish.name, max });
      },
      waitMs: wish.waitMs ?? 0,
      signal: caller.signal,
      refusal: () => this.#refusal(repository, { name: wish.name, max }),
    });
    try {
      if (tries > 1) head = await lending.resolve(repository, wish); // the base may have moved on meanwhile
      return await this.#lend(repository, { wish, settings, head, seat, began, caller });
    } finally {
      seat.leave();
      this.#lastAsked.set(repository.id, performance.now());
      poolWaiters.advance(repository.id);
    }
  }

  async #lend(
    repository: RepositoryRow,
    asked: {
      wish: Wish;
      settings: ReturnType<PoolSettings['of']>;
      head: Awaited<ReturnType<Lending['resolve']>>;
      seat: Seat;
      began: number;
      caller: Connection;
    },
  ): Promise<Result<'pool.acquire'>> {
    const { registry, lending, poolLeases } = this.#parts;
    const { wish, settings, head, seat, began, caller } = asked;
    const granted: { lease?: LeaseRow } = {};
    const isKept = ['pooled', 'reuse'].includes(settings.allocation_strategy);
    const grant = (row: WorktreeRow, source: LeaseRow['source'], tell: Tell) => {
      granted.lease = poolLeases.grant(row, { ...wish, source, began }, { repository, tell });
      seat.leave();
    };
    await lending.lend(repository, { ...wish, isKept, grant }, head);
    const { lease } = granted;
    const row = lease && registry.worktrees.get(lease.worktreeId);
    if (!lease || !row) throw new Error('a worktree was lent without a lease');
    if (lease.bind === 'connection') this.#bind(lease, caller);
    const { source, durationMs } = lease;
    return { worktree: this.#parts.worktreeModels.of(row), lease: toLease(lease), source, durationMs };
  }

  /** Answers once the lease has ended and nothing can be lost; the worktree is cleaned in the background. */
  async release(proof: Proof, outcome: Outcome): Promise<Result<'pool.release'>> {
    return this.#end(this.#parts.poolLeases.requireLive(proof), outcome);
  }

  renew(proof: Proof, ttlMs: number): Lease {
    return toLease(this.#parts.poolLeases.renew(proof, ttlMs));
  }

  async status(address: Address): Promise<Result<'pool.status'>> {
    const { registry, repositories, poolSettings, poolWaiters } = this.#parts;
    const repository = await repositories.require(address);
    await poolSettings.refresh(repository).catch(() => undefined); // what is so must be shown whatever a file says
    const { allocation_strategy: strategy, pool_size: size } = poolSettings.of(repository);
    const rows = registry.worktrees.liveOf(repository.id).filter((row) => isOfPool(registry, row));
    const figures = poolFigures(rows, registry.leases.latestOf(repository.id, mostLeasesLookedAt));
    const inUse = registry.leases.liveOf(repository.id).length;
    return { strategy, size, ...figures, inUse, waiting: poolWaiters.count(repository.id) };
  }

  /** What an earlier daemon's connections held, and nobody can be connected to any more. */
  async releaseBound(): Promise<void> {
    await this.#endEach(this.#parts.registry.leases.live().filter(({ bind }) => bind === 'connection'));
  }

  async releaseAll(): Promise<void> {
    await this.#endEach(this.#parts.registry.leases.live());
  }

  async releaseOverdue(): Promise<void> {
    await this.#endEach(this.#parts.poolLeases.overdue());
  }

  async #endEach(leases: readonly LeaseRow[]): Promise<void> {
    const end = async ({ id: lease, fence }: LeaseRow) => {
      try {
        await this.#end(this.#parts.poolLeases.requireLive({ lease, fence }), 'done');
      } catch (error) {
        this.#parts.log.warn({ lease, err: error }, 'a lease could not be ended');
      }
    };
    await Promise.all(leases.map(end));
  }

  async #end(lease: LeaseRow, outcome: Outcome): Promise<Result<'pool.release'>> {
    const { registry, poolLeases, poolSettings, poolWaiters, recycling } = this.#parts;
    const repository = registry.repositories.get(lease.repositoryId);
    if (!repository) throw new Error(`the lease ${lease.id} has no repository`);
    const { cleanup_policy: policy } = poolSettings.of(repository);
    const isKept = outcome === 'failed' && policy.keep_failed;
    poolLeases.end(lease, outcome, isKept ? 'failed' : 'cleaning');
    const row = registry.worktrees.get(lease.worktreeId);
    const isReset = row?.state === 'cleaning';
    const kept = isReset ? recycling.begin(repository, row) : Promise.resolve(null);
    faultPoint('release: recorded');
    poolWaiters.advance(repository.id);
    try {
      const snapshot = await kept;
      return { state: row?.state ?? 'removed', snapshot: snapshot?.id ?? null, reason: null };
    } catch (error) {
      return { state: 'failed', snapshot: null, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  #bind({ id }: LeaseRow, caller: Connection): void {
    const known = this.#bound.get(caller.signal);
    if (known && !caller.signal.aborted) {
      known.add(id);
      return;
    }
    const bound = new Set([id]);
    this.#bound.set(caller.signal, bound);
    caller.onClose(() => {
      if (this.#parts.isEnding()) return; // the next daemon releases them
      const leases = [...bound].flatMap((each) => this.#parts.registry.leases.get(each) ?? []);
      void this.#endEach(leases.filter(({ releasedAt }) => releasedAt === null));
    });
  }

  /** Takes a place, and the name, in the same step; undefined while there is none. */
  #findSeat(repository: RepositoryRow, { name, max }: { name: string | undefined; max: number }): Seat | undefined {
    const key = name === undefined ? undefined : `${repository.id}/${name}`;
    if (key !== undefined && this.#names.has(key)) return undefined;
    if (name !== undefined && this.#isLent(repository, name)) return undefined;
    if (this.#countTaken(repository) >= max) return undefined;
    const seated = this.#seated.get(repository.id) ?? new Set();
    const seat = {
      leave: () => {
        if (seated.delete(seat) && key !== undefined) this.#names.delete(key);
      },
    };
    this.#seated.set(repository.id, seated.add(seat));
    if (key !== undefined) this.#names.add(key);
    return seat;
  }

  #countTaken({ id }: RepositoryRow): number {
    return this.#parts.registry.leases.liveOf(id).length + (this.#seated.get(id)?.size ?? 0);
  }

  /** Throws when waiting would not help. */
  #isLent(repository: RepositoryRow, name: string): boolean {
    const { registry } = this.#parts;
    const row = registry.worktrees.byName(repository.id, name);
    if (!row) return false;
    if (registry.leases.ofWorktree(row.id)) return true;
    if (!isOfPool(registry, row) || row.kind !== 'named') throw notOfPool(row);
    if (row.state === 'failed') throw keptFailed(row);
    return false;
  }

  #refusal(repository: RepositoryRow, { name, max }: { name: string | undefined; max: number }) {
    const { worktrees, leases } = this.#parts.registry;
    const row = name === undefined ? undefined : worktrees.byName(repository.id, name);
    const lease = row && leases.ofWorktree(row.id);
    return row && lease ? lent(row, lease) : poolFull(repository, { current: this.#countTaken(repository), max });
  }
}

/** For the figures. */
const mostLeasesLookedAt = 1000;
