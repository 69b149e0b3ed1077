import type { Clock } from '../../base/clock.ts';
import { milliseconds } from '../../base/duration.ts';
import type { UnderWay } from '../../base/under-way.ts';
import type { ClockWatch } from '../clock-watch.ts';
import type { Git } from '../git/git.ts';
import { findCommit } from '../git/questions.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import { requireBase } from './base.ts';
import type { Creation } from './creation.ts';
import type { Pool } from './pool.ts';
import type { PoolSettings } from './pool-settings.ts';
import { isOfPool, readyOf } from './ready.ts';
import type { Recycling } from './recycling.ts';
import type { Removal } from './removal.ts';

interface Parts {
  registry: Registry;
  git: Git;
  clock: Clock;
  clockWatch: ClockWatch;
  log: Logger;
  underWay: UnderWay;
  repositories: Repositories;
  creation: Creation;
  removal: Removal;
  recycling: Recycling;
  pool: Pool;
  poolSettings: PoolSettings;
  isEnding: () => boolean;
}

const lookEveryMs = 1000;
/** Whoever asks for worktrees right now shall have the disk for himself. */
const quietMs = 1000;
const retryAfterMs = 60_000;
/** git is asked where the base stands; everything else comes from the registry. */
const baseEveryMs = 60_000;

/** Looks after the ready worktrees: enough of them, at the base as it is now, and none that nobody wants any more. */
export class PoolUpkeep implements AsyncDisposable {
  readonly #parts: Parts;
  /** Drained ones stay empty until somebody asks again. */
  readonly #drained = new Map<string, number>();
  /** Of the monotonic clock: not before then. */
  readonly #nextWarming = new Map<string, number>();
  readonly #nextBase = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#look ??= this.#lookAfterAll().finally(() => (this.#look = undefined));
    }, lookEveryMs).unref();
  }

  /** Makes ready ones until there are `count`. Throws what making one throws. */
  async warm(address: Address, count: number): Promise<void> {
    const { registry, underWay, repositories } = this.#parts;
    const repository = await repositories.resolve(address);
    const missing = count - readyOf(registry, underWay, repository.id).length;
    if (missing <= 0) return;
    await requireBase(this.#parts.git, repository, null);
    repositories.keep(repository);
    this.#drained.delete(repository.id);
    for (let made = 0; made < missing; made += 1) await this.#makeReady(repository);
  }

  /** Takes those away that nobody holds. */
  async drain(address: Address): Promise<void> {
    const repository = await this.#parts.repositories.require(address);
    this.#drained.set(repository.id, performance.now());
    for (const row of this.#idle(repository)) await this.#letGo(repository, row);
  }

  async #lookAfterAll(): Promise<void> {
    const { pool, registry, log, isEnding } = this.#parts;
    await pool.releaseOverdue();
    for (const repository of registry.repositories.list()) {
      if (isEnding()) return;
      try {
        await this.#lookAfter(repository);
      } catch (error) {
        this.#nextWarming.set(repository.id, performance.now() + retryAfterMs);
        log.warn({ repository: repository.name, err: error }, 'the pool could not be looked after');
      }
    }
  }

  async #lookAfter(repository: RepositoryRow): Promise<void> {
    await this.#letOldGo(repository);
    await this.#followBase(repository);
    if (this.#wantsMore(repository)) await this.#makeReady(repository);
  }

  #wantsMore({ id }: RepositoryRow): boolean {
    const { registry, underWay, pool, poolSettings } = this.#parts;
    const { allocation_strategy: strategy, pool_size: size } = poolSettings();
    if (strategy !== 'pooled' || performance.now() < (this.#nextWarming.get(id) ?? 0)) return false;
    const lastAsked = pool.lastAsked(id);
    if (performance.now() - lastAsked < quietMs || lastAsked < (this.#drained.get(id) ?? -Infinity)) return false;
    return readyOf(registry, underWay, id).length < size;
  }

  async #makeReady(repository: RepositoryRow): Promise<void> {
    const { git, creation } = this.#parts;
    const { base, commit } = await requireBase(git, repository, null);
    const wanted = { name: 'pool', branch: null, base, baseCommit: commit };
    await creation.create(repository, { ...wanted, kind: 'pool', state: 'available' });
  }

  /** So that acquiring one moves no files. */
  async #followBase(repository: RepositoryRow): Promise<void> {
    const { git, registry, underWay, recycling } = this.#parts;
    const { id, defaultBranch } = repository;
    const ready = readyOf(registry, underWay, id);
    if (ready.length === 0 || defaultBranch === null || performance.now() < (this.#nextBase.get(id) ?? 0)) return;
    this.#nextBase.set(id, performance.now() + baseEveryMs);
    const tip = await findCommit(git, repository.commonDir, defaultBranch);
    for (const row of readyOf(registry, underWay, id)) {
      if (tip === undefined || row.baseCommit === tip) continue;
      registry.change(() => {
        registry.worktrees.update(row.id, { state: 'cleaning' });
      });
      await recycling.begin(repository, row).catch(() => undefined); // it says itself what went wrong
    }
  }

  async #letOldGo(repository: RepositoryRow): Promise<void> {
    const { registry, underWay, clock, clockWatch, poolSettings } = this.#parts;
    const idle = this.#idle(repository);
    if (idle.length === 0 || !clockWatch.isTrusted()) return;
    const { allocation_strategy: strategy, pool_size: size, cleanup_policy: policy } = poolSettings();
    const [idleMs, mostMs] = [milliseconds(policy.idle_timeout), milliseconds(policy.max_age)];
    for (const row of idle) {
      // Those that are kept warm wait as long as it takes.
      const ready = readyOf(registry, underWay, repository.id).length;
      const isWarm = row.kind === 'pool' && strategy === 'pooled' && ready <= size;
      const isUnused = clock.now() - (row.lastUsedAt ?? row.createdAt) > idleMs;
      if ((isUnused && !isWarm) || clock.now() - row.createdAt > mostMs) await this.#letGo(repository, row);
    }
  }

  /** Anonymous and named ones that wait for a holder. */
  #idle({ id }: RepositoryRow): WorktreeRow[] {
    const { registry, underWay } = this.#parts;
    return registry.worktrees
      .liveOf(id)
      .filter((row) => row.state === 'available' && isOfPool(registry, row) && !underWay.has(row.id));
  }

  /** Asks safety like any other removal: somebody may have worked there. */
  async #letGo(repository: RepositoryRow, { id }: WorktreeRow): Promise<void> {
    const { registry, removal, underWay, log } = this.#parts;
    const row = registry.worktrees.get(id);
    if (row?.state !== 'available' || underWay.has(id)) return; // somebody took it meanwhile
    registry.change(() => {
      registry.worktrees.update(id, { state: 'cleaning' });
    });
    try {
      await removal.finishRemoval(repository, row);
    } catch (error) {
      log.warn({ worktree: row.path, err: error }, 'a ready worktree that nobody wants could not be removed');
      registry.change(() => {
        registry.worktrees.update(id, { state: 'failed' });
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#look, this.#parts.recycling.untilAll()]);
  }
}
