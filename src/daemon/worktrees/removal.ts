import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { faultPoint } from '../../base/fault-point.ts';
import type { UnderWay } from '../../base/under-way.ts';
import type { Git } from '../git/git.ts';
import { listWorktrees } from '../git/questions.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Allotment } from './allotment.ts';
import { deleteBranchAt } from './empty-branch.ts';
import { isMissing, isUnlinked } from './entry.ts';
import { examine } from './examine.ts';
import { bringBack, notOurs, saveFirst, taken, unlinked, unsafe } from './refusals.ts';
import { findBlockers, findClaim, type Blocker } from './safety.ts';
import { Trash } from './trash.ts';

interface Parts {
  registry: Registry;
  git: Git;
  clock: Clock;
  log: Logger;
  allotment: Allotment;
  underWay: UnderWay;
  /** This daemon's, which its locks of worktrees name. */
  home: string;
}

/** Takes worktrees away when nothing would be lost. */
export class Removal {
  readonly #parts: Parts;
  readonly #trash = new Trash();

  constructor(parts: Parts) {
    this.#parts = parts;
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
      this.#requireUntaken(row);
      registry.worktrees.update(row.id, { state: 'cleaning' });
    });
    faultPoint('remove: intent written');
    await this.finishRemoval(repository, { ...row, state: 'cleaning' });
  }

  /** While safety was asked somebody may have taken a lease, or taken it away. */
  #requireUntaken(row: WorktreeRow): void {
    const { registry } = this.#parts;
    const lease = registry.leases.ofWorktree(row.id);
    if (lease) throw taken(row, lease.holder);
    if (registry.worktrees.get(row.id)?.state !== row.state) throw taken(row, 'another call');
  }

  /** The part of `remove` after safety agreed; a daemon that died in it goes on here. */
  async finishRemoval(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    const { registry, clock, underWay } = this.#parts;
    const agree = () => this.requireSafe(repository, row);
    const branchDeleted = await underWay.during(row.id, () => this.discard(repository, row, agree));
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

  /** Nobody waits for it: large trees take their time. */
  emptyTrashSoon(directory: string): void {
    this.#emptyTrashOf(directory).catch((error: unknown) => {
      this.#parts.log.warn({ directory, err: error }, 'the trash could not be emptied yet');
    });
  }

  /** Also removes the directory of worktrees once it is empty. */
  async #emptyTrashOf(directory: string): Promise<void> {
    await this.#trash.empty(directory);
    await this.#parts.allotment.removeDirectoryIfEmpty(directory);
  }

  /**
   * Files first out of the way, then git's registration, then the branch when nothing is on it. What git does not list
   * as this worktree is somebody else's and stays.
   */
  async discard(repository: RepositoryRow, row: WorktreeRow, agree: () => Promise<void>): Promise<boolean> {
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
    this.emptyTrashSoon(dirname(row.path));
    return branchDeleted;
  }

  /** Asked in the very step of the removal: somebody may have worked there since it was decided. Throws UNSAFE. */
  async requireSafe(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
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

  async #deleteEmptyBranch(repository: RepositoryRow, row: WorktreeRow): Promise<boolean> {
    if (!row.branchMade || row.branch === null) return false;
    return deleteBranchAt(this.#parts.git, repository.commonDir, { branch: row.branch, commit: row.baseCommit });
  }
}
