import { dirname } from 'node:path';
import { faultPoint } from '../../base/fault-point.ts';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import { findCommit, isAncestor, listWorktrees } from '../git/questions.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Allotment } from './allotment.ts';
import { examineBranch } from './branch-loss.ts';
import { deleteBranchAt } from './empty-branch.ts';
import { isMissing } from './entry.ts';
import type { WorktreeFacts } from './facts.ts';
import { worktreesDirectory } from './naming.ts';
import { notOurs } from './refusals.ts';
import { findClaim } from './safety.ts';
import { Trash } from './trash.ts';
import { unregister } from './unregister.ts';

export interface DiscardingParts {
  registry: Registry;
  git: Git;
  log: Logger;
  configuration: Configuration;
  allotment: Allotment;
  worktreeFacts: WorktreeFacts;
  /** This daemon's, which its locks of worktrees name. */
  home: string;
}

/** What became of the branch. */
export interface Discarded {
  branchDeleted: boolean;
  warnings: string[];
}

/** Takes what a worktree consists of away: files, git's registration, and the branch where that is wanted. */
export class Discarding {
  readonly #parts: DiscardingParts;
  readonly #trash = new Trash();

  constructor(parts: DiscardingParts) {
    this.#parts = parts;
  }

  /**
   * Files first out of the way, then git's registration, then the branch when nothing is on it or its deletion was
   * asked for. What git does not list as this worktree is somebody else's and stays. `agree` is asked in the very step:
   * somebody may have worked there since it was decided. Throws UNSAFE for what is not this home's.
   */
  async discard(repository: RepositoryRow, row: WorktreeRow, agree: () => Promise<void>): Promise<Discarded> {
    const { git } = this.#parts;
    const { commonDir } = repository;
    // Nothing of it is left that could be mended.
    if (await isMissing(commonDir)) return { branchDeleted: false, warnings: [] };
    const discarded = await git.locked(commonDir, async () => {
      const listed = await listWorktrees(git, commonDir);
      if (listed.some(({ path }) => path === row.path)) {
        const claim = findClaim(listed, row.path, this.#parts.home);
        if (claim !== null) throw notOurs(repository, [claim]);
        await agree();
        if (!(await isMissing(row.path))) await this.#trash.put(row.path);
        faultPoint('remove: moved to trash');
        await unregister(git, commonDir, row.path);
        faultPoint('remove: unregistered');
      }
      return this.#discardBranch(repository, row, listed);
    });
    this.emptyTrashSoon(dirname(row.path));
    return discarded;
  }

  async #discardBranch(
    repository: RepositoryRow,
    row: WorktreeRow,
    listed: readonly ListedWorktree[],
  ): Promise<Discarded> {
    const { git } = this.#parts;
    const { branch, baseCommit } = row;
    const isAsked = row.removal?.deleteBranch === true;
    if (branch === null) return { branchDeleted: false, warnings: [] };
    const stays = (why: string) => ({
      branchDeleted: false,
      warnings: isAsked ? [`the branch ${branch} stays: ${why}`] : [],
    });
    const elsewhere = listed.find((entry) => entry.path !== row.path && entry.branch === branch);
    if (elsewhere) return stays(`it is checked out in ${elsewhere.path}`);
    if (row.branchMade && (await deleteBranchAt(git, repository.commonDir, { branch, commit: baseCommit }))) {
      return { branchDeleted: true, warnings: [] };
    }
    if (!isAsked) return stays('nobody asked');
    const commit = await findCommit(git, repository.commonDir, `refs/heads/${branch}`);
    if (commit === undefined) return stays('it is gone already');
    if (!(await this.#isKept(repository, row, commit))) return stays('commits were added to it meanwhile');
    const branchDeleted = await deleteBranchAt(git, repository.commonDir, { branch, commit });
    return branchDeleted ? { branchDeleted, warnings: [] } : stays('it has just moved');
  }

  /** Whether a branch can go at this commit without anything being lost. */
  async #isKept(repository: RepositoryRow, row: WorktreeRow, commit: string): Promise<boolean> {
    const { registry, git } = this.#parts;
    const snapshot = row.snapshotId === null ? undefined : registry.snapshots.get(row.snapshotId);
    const pair = snapshot && { tip: commit, base: snapshot.commit };
    if (pair && (await isAncestor(git, repository.commonDir, pair))) return true;
    const loss = await examineBranch(this.#parts, repository, row);
    return loss !== null && (loss.ownCommits === 0 || loss.isMerged);
  }

  /** Deletes what earlier removals moved away, wherever worktrees have been or would be. */
  async emptyTrash(): Promise<void> {
    const { registry, configuration } = this.#parts;
    const { directory: wanted } = configuration.current.worktrees;
    const had = registry.worktrees.everyone().map(({ path }) => dirname(path));
    // Of one that was rolled back when its daemon ended no row is left.
    const own = registry.repositories.list().map((repository) => worktreesDirectory(repository, wanted));
    for (const directory of new Set([...had, ...own])) await this.#emptyTrashOf(directory);
  }

  /** Nobody waits for it: large trees take their time. */
  emptyTrashSoon(directory: string): void {
    this.#emptyTrashOf(directory).catch((error: unknown) => {
      this.#parts.log.warn({ directory, err: error }, 'the trash could not be emptied yet');
    });
  }

  /** Also removes a directory that wtd made for worktrees once it is empty. */
  async #emptyTrashOf(directory: string): Promise<void> {
    await this.#trash.empty(directory);
    const here = this.#parts.registry.worktrees.everyone().filter(({ path }) => dirname(path) === directory);
    const isPeoples = here.length > 0 && here.every(({ kind }) => kind === 'adopted');
    if (!isPeoples) await this.#parts.allotment.removeDirectoryIfEmpty(directory);
  }
}
