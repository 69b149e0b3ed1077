import type { Clock } from '../../../base/clock.ts';
import { milliseconds } from '../../../base/duration.ts';
import { KeyedMutex } from '../../../base/mutex.ts';
import type { UnderWay } from '../../../base/under-way.ts';
import type { ClockWatch } from '../../clock-watch.ts';
import type { Git } from '../../git/git.ts';
import { findCommit } from '../../git/questions.ts';
import type { Logger } from '../../log.ts';
import type { Registry } from '../../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import type { Address, Repositories } from '../../repositories/repositories.ts';
import { requireBase } from '../base.ts';
import type { Creation } from '../creation.ts';
import type { Removal } from '../removal.ts';
import type { Pool } from './pool.ts';
import { isOfPool, isSetUp, readyOf } from './ready.ts';
import type { Recycling } from './recycling.ts';
import { notSetUp } from './refusals.ts';
import type { PoolSettings } from './settings.ts';

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
/** So long one whose set-up failed stays for people to look into; meanwhile no other one is tried. */
const brokenForMs = 600_000;
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
  readonly #making = new KeyedMutex();
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

  /** Makes ready ones until there are `count`. Throws INVALID_PARAMS when a file of the repository is not valid. */
  async warm(address: Address, count: number): Promise<void> {
    const { registry, git, underWay, repositories, poolSettings } = this.#parts;
    const repository = await repositories.resolve(address);
    const missing = () => count - readyOf(registry, underWay, repository.id).length;
    if (missing() <= 0) return;
    await poolSettings.refresh(repository);
    await requireBase(git, repository, poolSettings.baseOf(repository));
    repositories.keep(repository);
    this.#drained.delete(repository.id);
    for (let tries = missing(); tries > 0; tries -= 1) {
      const row = await this.#makeReady(repository, () => missing() > 0);
      if (row && !isSetUp(row)) throw notSetUp(row);
    }
  }

  /** Takes those away that nobody holds, also the ones that were given back just now. */
  async drain(address: Address): Promise<void> {
    const repository = await this.#parts.repositories.require(address);
    this.#drained.set(repository.id, performance.now());
    await this.#parts.recycling.untilAll(repository.id);
    for (const row of this.#idle(repository)) await this.#letGo(repository, row);
  }

  async #lookAfterAll(): Promise<void> {
    const { pool, poolSettings, registry, log, isEnding } = this.#parts;
    await pool.releaseOverdue();
    const repositories = registry.repositories.list();
    await poolSettings.refreshOld(repositories);
    for (const repository of repositories) {
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
    if (this.#wantsMore(repository)) await this.#makeReady(repository, () => this.#wantsMore(repository));
  }

  #wantsMore(repository: RepositoryRow): boolean {
    const { registry, underWay, pool, poolSettings } = this.#parts;
    const { id } = repository;
    const { allocation_strategy: strategy, pool_size: size } = poolSettings.of(repository);
    if (strategy !== 'pooled' || performance.now() < (this.#nextWarming.get(id) ?? 0)) return false;
    const lastAsked = pool.lastAsked(id);
    if (performance.now() - lastAsked < quietMs || lastAsked < (this.#drained.get(id) ?? -Infinity)) return false;
    if (readyOf(registry, underWay, id).length >= size) return false;
    return !this.#idle(repository).some((row) => row.kind === 'pool' && !isSetUp(row));
  }

  /** One after another, so that two who want the same do not both make it. */
  #makeReady(repository: RepositoryRow, isWanted: () => boolean): Promise<WorktreeRow | undefined> {
    const { git, creation, poolSettings } = this.#parts;
    return this.#making.run(repository.id, async () => {
      if (!isWanted()) return undefined;
      const { base, commit } = await requireBase(git, repository, poolSettings.baseOf(repository));
      const wanted = { name: 'pool', branch: null, base, baseCommit: commit };
      return creation.create(repository, { ...wanted, kind: 'pool', state: 'available' });
    });
  }

  /** So that acquiring one moves no files. */
  async #followBase(repository: RepositoryRow): Promise<void> {
    const { git, registry, underWay, recycling, poolSettings } = this.#parts;
    const { id } = repository;
    const base = poolSettings.baseOf(repository);
    if (base === null || performance.now() < (this.#nextBase.get(id) ?? 0)) return;
    if (readyOf(registry, underWay, id).length === 0) return;
    this.#nextBase.set(id, performance.now() + baseEveryMs);
    const tip = await findCommit(git, repository.commonDir, base);
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
    const { allocation_strategy: strategy, pool_size: size, cleanup_policy: policy } = poolSettings.of(repository);
    const [idleMs, mostMs] = [milliseconds(policy.idle_timeout), milliseconds(policy.max_age)];
    for (const row of idle) {
      // Those that are kept warm wait as long as it takes.
      const isWarm = () =>
        isSetUp(row) &&
        row.kind === 'pool' &&
        strategy === 'pooled' &&
        readyOf(registry, underWay, repository.id).length <= size;
      const isUnused = clock.now() - (row.lastUsedAt ?? row.createdAt) > idleMs;
      const isBroken = row.kind === 'pool' && !isSetUp(row) && clock.now() - row.createdAt > brokenForMs;
      if ((isUnused && !isWarm()) || isBroken || clock.now() - row.createdAt > mostMs)
        await this.#letGo(repository, row);
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
