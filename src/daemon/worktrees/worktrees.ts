import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { Disposal } from '../../base/disposal.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { newId } from '../../base/id.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import { UnderWay } from '../../base/under-way.ts';
import type { PortRange } from '../../contract/models.ts';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import { findCommit, listWorktrees } from '../git/questions.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import { endMarked } from '../runs/terminate.ts';
import { deleteBranchAt } from './empty-branch.ts';
import { isMissing, isUnlinked, wasFilled } from './entry.ts';
import { examine } from './examine.ts';
import { excludeFromStatus } from './exclude.ts';
import { worktreeName, worktreesDirectory } from './naming.ts';
import { findRange, portsOf } from './ports.ts';
import { bringBack, notOurs, pathTaken, saveFirst, unlinked, unsafe } from './refusals.ts';
import { register, requireRegistered, type Wanted } from './register.ts';
import { findBlockers, findClaim, type Blocker } from './safety.ts';
import { removeIfEmpty, Trash } from './trash.ts';

/** Marks git that works on a worktree being made, so that the next daemon can end what outlived this one. */
const gitMark = 'WTD_MAKES_WORKTREE';

interface Parts {
  registry: Registry;
  git: Git;
  configuration: Configuration;
  clock: Clock;
  log: Logger;
  /** This daemon's, which its locks of worktrees name. */
  home: string;
}

/** Makes worktrees, gives each its ports, and takes them away again when nothing would be lost. */
export class Worktrees {
  readonly #parts: Parts;
  /** Rows, names and port ranges are given out one at a time. */
  readonly #allotting = new KeyedMutex();
  /** By id, those that are being filled or taken away. */
  readonly underWay = new UnderWay();
  readonly #trash = new Trash();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Makes a worktree, whole or not at all. An existing branch is attached.
   * Throws BUSY when the branch is checked out elsewhere, ALREADY_EXISTS when the path is taken, PORTS_EXHAUSTED,
   * GIT_FAILED; nothing is left behind then.
   */
  async create(repository: RepositoryRow, wanted: Wanted): Promise<WorktreeRow> {
    await using undo = new Disposal();
    const { configuration } = this.#parts;
    undo.defer(() => {
      this.#emptyTrashSoon(worktreesDirectory(repository, configuration.current.worktrees.directory));
    });
    const row = await this.#allotting.run('rows', () => this.#allot(repository, wanted));
    undo.defer(() => this.rollBack(repository, row));
    const ready = await this.underWay.during(row.id, () => this.#fill(repository, { row, wanted }));
    undo.release();
    return ready;
  }

  async #fill(repository: RepositoryRow, { row, wanted }: { row: WorktreeRow; wanted: Wanted }): Promise<WorktreeRow> {
    const { git, registry, clock } = this.#parts;
    const { commonDir } = repository;
    const env = { [gitMark]: row.id };
    faultPoint('create: row written');
    await git.locked(commonDir, () => register(git, commonDir, { row, wanted, env }));
    faultPoint('create: registered');
    await git.writeFiles(row.path, ['reset', '--quiet', '--hard', '--no-recurse-submodules'], env);
    faultPoint('create: files written');
    await requireRegistered(git, row);
    const filled = { state: 'in_use' as const, useCount: 1, lastUsedAt: clock.now() };
    registry.change((tell) => {
      registry.worktrees.update(row.id, filled);
      wanted.claim({ ...row, ...filled });
      const data = { path: row.path, branch: row.branch, ports: portsOf(row) };
      tell({ type: 'worktree.created', repository: repository.name, worktree: row.id, data });
    });
    faultPoint('create: recorded');
    return { ...row, ...filled };
  }

  /** Gives a worktree that git alone remembered a port range. Throws PORTS_EXHAUSTED. */
  async providePorts(row: WorktreeRow): Promise<WorktreeRow> {
    if (portsOf(row)) return row;
    return this.#allotting.run('rows', async () => {
      const { start: portStart, end: portEnd } = await this.#leasePorts();
      this.#parts.registry.change(() => {
        this.#parts.registry.worktrees.update(row.id, { portStart, portEnd });
      });
      return { ...row, portStart, portEnd };
    });
  }

  /** Takes back what `create` began, in the same life: directory, registration, an empty branch of ours, row. */
  async rollBack(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    // Nothing ran in it yet, so there is nothing to ask.
    await this.#takeBack(repository, row, () => Promise.resolve());
  }

  /**
   * The same for what another life began: the row may be older than the work in it. Throws UNSAFE when that would be
   * lost; then the worktree stays, in use.
   */
  async rollBackFound(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    await this.#takeBack(repository, row, async () => {
      if (await wasFilled(repository.commonDir, row.path)) await this.#requireSafe(repository, row);
    });
  }

  async #takeBack(repository: RepositoryRow, row: WorktreeRow, agree: () => Promise<void>): Promise<void> {
    const { registry } = this.#parts;
    // Asked first: a daemon whose registry is closed has no say any more, and the next one may be at work there.
    if (!registry.worktrees.get(row.id)) return;
    await endMarked(gitMark, row.id);
    await this.#discard(repository, row, agree);
    const forgotten = registry.changeOnceWritable(() => {
      registry.worktrees.delete(row.id);
    });
    // Nobody waits for a full disk: the next daemon would do the same.
    forgotten.catch((error: unknown) => {
      this.#parts.log.warn({ worktree: row.path, err: error }, 'a worktree that was taken back is still written down');
    });
  }

  /**
   * Removes a worktree and gives its ports back. A branch of ours without commits of its own goes with it.
   * Throws UNSAFE with everything that would be lost; then nothing has changed.
   */
  async remove(repository: RepositoryRow, row: WorktreeRow, activeRun: string | null): Promise<void> {
    const { registry, git } = this.#parts;
    const blockers = findBlockers({ ...(await examine(git, repository, row.path)), activeRun });
    if (blockers.length > 0) throw unsafe(row, blockers, await this.#rescueOf(row));
    registry.change(() => {
      registry.worktrees.update(row.id, { state: 'cleaning' });
    });
    faultPoint('remove: intent written');
    await this.finishRemoval(repository, { ...row, state: 'cleaning' });
  }

  /** The part of `remove` after safety agreed; a daemon that died in it goes on here. */
  async finishRemoval(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    const { registry, clock } = this.#parts;
    const agree = () => this.#requireSafe(repository, row);
    const branchDeleted = await this.underWay.during(row.id, () => this.#discard(repository, row, agree));
    registry.change((tell) => {
      registry.worktrees.update(row.id, { state: 'removed', removedAt: clock.now() });
      const data = { path: row.path, branch: row.branch, branchDeleted };
      tell({ type: 'worktree.removed', repository: repository.name, worktree: row.id, data });
    });
    faultPoint('remove: row written');
  }

  /** Deletes what earlier removals moved away, wherever worktrees have been. */
  async emptyTrash(): Promise<void> {
    const directories = new Set(this.#parts.registry.worktrees.everyone().map(({ path }) => dirname(path)));
    for (const directory of directories) await this.#emptyTrashOf(directory);
  }

  /** Also removes the directory of worktrees once it is empty. */
  async #emptyTrashOf(directory: string): Promise<void> {
    await this.#trash.empty(directory);
    // In turn with `create`, which makes that directory and then asks where it really lies.
    await this.#allotting.run('rows', () => removeIfEmpty(directory));
  }

  /** Chooses name, path and ports, and writes them down before anything is made. */
  async #allot(repository: RepositoryRow, wanted: Wanted): Promise<WorktreeRow> {
    const { registry, git, clock } = this.#parts;
    const directory = await this.#prepareDirectory(repository);
    const name = worktreeName(wanted.branch, (taken) => registry.worktrees.byName(repository.id, taken) !== undefined);
    const path = join(directory, name);
    if (!(await isMissing(path))) throw pathTaken(path);
    const ports = await this.#leasePorts();
    const existing = await findCommit(git, repository.commonDir, `refs/heads/${wanted.branch}`);
    const row: WorktreeRow = {
      id: newId(),
      repositoryId: repository.id,
      name,
      branch: wanted.branch,
      branchMade: existing === undefined,
      base: wanted.base,
      baseCommit: existing ?? wanted.baseCommit,
      path,
      kind: wanted.kind,
      state: 'creating',
      declared: 'active',
      task: null,
      portStart: ports.start,
      portEnd: ports.end,
      useCount: 0,
      createdAt: clock.now(),
      lastUsedAt: null,
      removedAt: null,
    };
    registry.change(() => {
      registry.worktrees.insert(row);
    });
    return row;
  }

  /** The real directory: it must not lie anywhere else than its name says, except where its user linked it. */
  async #prepareDirectory(repository: RepositoryRow): Promise<string> {
    const directory = worktreesDirectory(repository, this.#parts.configuration.current.worktrees.directory);
    await mkdir(directory, { recursive: true });
    const inside = relative(repository.path, directory);
    if (!inside.startsWith('..')) await excludeFromStatus(repository.commonDir, `/${inside}`);
    await excludeFromStatus(repository.commonDir, '/.claude-context/');
    return realpath(directory);
  }

  async #leasePorts(): Promise<PortRange> {
    const { registry, configuration } = this.#parts;
    const leased = registry.worktrees.live().flatMap((row) => portsOf(row) ?? []);
    return findRange(configuration.current.ports, leased);
  }

  /**
   * Files first out of the way, then git's registration, then the branch when nothing is on it. What git does not list
   * as this worktree is somebody else's and stays.
   */
  async #discard(repository: RepositoryRow, row: WorktreeRow, agree: () => Promise<void>): Promise<boolean> {
    const { git } = this.#parts;
    if (await isMissing(repository.commonDir)) return false; // nothing of it is left that could be mended
    const branchDeleted = await git.locked(repository.commonDir, async () => {
      const listed = await listWorktrees(git, repository.commonDir);
      if (listed.some(({ path }) => path === row.path)) {
        this.#requireOurs({ repository, row }, findClaim(listed, row.path, this.#parts.home));
        await agree();
        if (!(await isMissing(row.path))) await this.#trash.put(row.path);
        faultPoint('remove: moved to trash');
        // Twice: the first means "although files are there", the second "although it is locked".
        await git.write(repository.commonDir, ['worktree', 'remove', '--force', '--force', '--', row.path]);
        faultPoint('remove: unregistered');
      }
      const isElsewhere = listed.some(({ path, branch }) => path !== row.path && branch === row.branch);
      return !isElsewhere && (await this.#deleteEmptyBranch(repository, row));
    });
    this.#emptyTrashSoon(dirname(row.path));
    return branchDeleted;
  }

  /** Asked in the very step of the removal: somebody may have worked there since it was decided. */
  async #requireSafe(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    const findings = await examine(this.#parts.git, repository, row.path);
    const blockers = (await isUnlinked(row.path))
      ? [unlinked(row.path)]
      : findBlockers({ ...findings, activeRun: null });
    if (blockers.length === 0) return;
    this.#keep(row);
    throw unsafe(row, blockers, await this.#rescueOf(row));
  }

  async #rescueOf(row: WorktreeRow): Promise<string> {
    return (await isMissing(join(row.path, '.git'))) ? bringBack(row.path) : saveFirst(row);
  }

  #requireOurs({ repository, row }: { repository: RepositoryRow; row: WorktreeRow }, claim: Blocker | null): void {
    if (claim === null) return;
    this.#keep(row);
    throw notOurs(repository, claim);
  }

  /** What must not go is no longer about to. */
  #keep(row: WorktreeRow): void {
    this.#parts.registry.change(() => {
      this.#parts.registry.worktrees.update(row.id, { state: 'in_use' });
    });
  }

  /** Nobody waits for it: large trees take their time. */
  #emptyTrashSoon(directory: string): void {
    this.#emptyTrashOf(directory).catch((error: unknown) => {
      this.#parts.log.warn({ directory, err: error }, 'the trash could not be emptied yet');
    });
  }

  async #deleteEmptyBranch(repository: RepositoryRow, row: WorktreeRow): Promise<boolean> {
    if (!row.branchMade || row.branch === null) return false;
    return deleteBranchAt(this.#parts.git, repository.commonDir, { branch: row.branch, commit: row.baseCommit });
  }
}
