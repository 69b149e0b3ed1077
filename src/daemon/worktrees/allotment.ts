import { mkdir, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import type { PortRange } from '../../contract/models.ts';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import { findCommit } from '../git/questions.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import { isMissing } from './entry.ts';
import { contextDirectory } from './context.ts';
import { excludeFromStatus } from './exclude.ts';
import { worktreeName, worktreesDirectory } from './naming.ts';
import { newRow } from './new-row.ts';
import type { PortClaims } from './port-claims.ts';
import { findRange, portsOf } from './ports.ts';
import { portsExhausted } from './ports-exhausted.ts';
import { noDirectory, pathTaken } from './refusals.ts';
import type { Wanted } from './register.ts';
import { removeIfEmpty } from './trash.ts';

interface Parts {
  registry: Registry;
  git: Git;
  configuration: Configuration;
  clock: Clock;
  log: Logger;
  portClaims: PortClaims;
}

/** What is noted there for the tools of a worktree must not make it dirty. */
const contextPattern = `/${contextDirectory}/`;

type Adopted = Omit<Parameters<typeof newRow>[0], 'ports' | 'createdAt'>;

/** Gives out names, paths and port ranges, one worktree at a time, so that no two get the same. */
export class Allotment {
  readonly #parts: Parts;
  readonly #turns = new KeyedMutex();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Chooses name, path and ports, and writes them down, as `creating`, before anything is made.
   * Throws ALREADY_EXISTS when the path is taken, PORTS_EXHAUSTED.
   */
  async allot(repository: RepositoryRow, wanted: Wanted): Promise<WorktreeRow> {
    return this.#inTurn(async () => {
      const { registry, git, clock } = this.#parts;
      const directory = await this.#prepareDirectory(repository);
      const { name, path } = await this.#freePlace(repository, wanted, directory);
      const ports = wanted.hasNoPorts === true ? null : await this.#leasePorts();
      const { branch } = wanted;
      const isAsked = branch !== null && wanted.isNewBranch !== true;
      const existing = isAsked ? await findCommit(git, repository.commonDir, `refs/heads/${branch}`) : undefined;
      const { kind, base, task } = wanted;
      const place = { repositoryId: repository.id, name, path, ports, branch, base, kind, task };
      const row = newRow({
        ...place,
        branchMade: branch !== null && existing === undefined,
        baseCommit: existing ?? wanted.baseCommit,
        state: 'creating',
        createdAt: clock.now(),
      });
      registry.change(() => {
        registry.worktrees.insert(row);
      });
      return row;
    });
  }

  /** Writes a worktree down that is there already, with a port range. Throws PORTS_EXHAUSTED. */
  async adopt(repository: RepositoryRow, given: Adopted): Promise<WorktreeRow> {
    return this.#inTurn(async () => {
      const { registry, clock } = this.#parts;
      await excludeFromStatus(repository.commonDir, contextPattern);
      const ports = await this.#leasePorts();
      const now = clock.now();
      const row = { ...newRow({ ...given, ports, createdAt: now }), lastUsedAt: now };
      registry.change((tell) => {
        registry.worktrees.insert(row);
        const data = { path: row.path, branch: row.branch, ports };
        tell({ type: 'worktree.adopted', repository: repository.name, worktree: row.id, data });
      });
      return row;
    });
  }

  /** After a branch, or whatever else it is to be called after. */
  freeName(repository: RepositoryRow, wanted: string): string {
    return worktreeName(wanted, (name) => this.#isTaken(repository, name));
  }

  /** Nobody asked for the name of an anonymous one, so it makes way for whatever lies there. */
  async #freePlace(repository: RepositoryRow, { name, branch, kind }: Wanted, directory: string) {
    const wanted = name ?? branch ?? kind;
    const occupied = new Set<string>();
    const isTaken = (each: string) => this.#isTaken(repository, each) || occupied.has(each);
    for (;;) {
      const free = worktreeName(wanted, isTaken);
      const path = join(directory, free);
      if (await isMissing(path)) return { name: free, path };
      if (kind !== 'pool') throw pathTaken(path);
      occupied.add(free);
    }
  }

  #isTaken({ id }: RepositoryRow, name: string): boolean {
    return this.#parts.registry.worktrees.byName(id, name) !== undefined;
  }

  /** Gives a worktree that git alone remembered a port range. Throws PORTS_EXHAUSTED. */
  async providePorts(row: WorktreeRow): Promise<WorktreeRow> {
    if (portsOf(row)) return row;
    return this.#inTurn(async () => {
      const { start: portStart, end: portEnd } = await this.#leasePorts();
      this.#parts.registry.change(() => {
        this.#parts.registry.worktrees.update(row.id, { portStart, portEnd });
      });
      return { ...row, portStart, portEnd };
    });
  }

  /** In turn with `allot`, which makes that directory and then asks where it really lies. */
  async removeDirectoryIfEmpty(directory: string): Promise<void> {
    await this.#inTurn(() => removeIfEmpty(directory));
  }

  /** The real directory: it must not lie anywhere else than its name says, except where its user linked it. */
  async #prepareDirectory(repository: RepositoryRow): Promise<string> {
    const directory = worktreesDirectory(repository, this.#parts.configuration.current.worktrees.directory);
    await mkdir(directory, { recursive: true }).catch((error: unknown) => {
      const { code = '', path = directory } = error as NodeJS.ErrnoException;
      throw ['EEXIST', 'ENOTDIR'].includes(code) ? noDirectory(directory, path) : error;
    });
    const inside = relative(repository.path, directory);
    if (!inside.startsWith('..')) await excludeFromStatus(repository.commonDir, `/${inside}`);
    await excludeFromStatus(repository.commonDir, contextPattern);
    return realpath(directory);
  }

  /** Claims what was given out, also by an earlier daemon, and lets go of what was given back. */
  async keepClaims(): Promise<void> {
    await this.#inTurn(async () => {
      const { registry, portClaims, log } = this.#parts;
      const leased = leasedRanges(registry);
      portClaims.keepOnly(leased);
      for (const range of leased) {
        if (!(await portClaims.claim(range))) log.warn(range, 'another daemon has given out these ports as well');
      }
    });
  }

  async #leasePorts(): Promise<PortRange> {
    const { registry, configuration, git, clock, portClaims } = this.#parts;
    const leased = leasedRanges(registry);
    portClaims.keepOnly(leased);
    const settings = configuration.current.ports;
    const range = await findRange(settings, leased, (each) => portClaims.claim(each));
    if (range) return range;
    const claimed = await portClaims.others();
    throw await portsExhausted({ registry, git, settings, claimed, now: clock.now() });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    return this.#turns.run('rows', task);
  }
}

const leasedRanges = (registry: Registry): PortRange[] =>
  registry.worktrees.live().flatMap((row) => portsOf(row) ?? []);
