import { dirname } from 'node:path';
import { faultPoint } from '../../../base/fault-point.ts';
import type { UnderWay } from '../../../base/under-way.ts';
import type { Git } from '../../git/git.ts';
import { parseIndexEntries } from '../../git/porcelain.ts';
import { findCommit, listWorktrees } from '../../git/questions.ts';
import type { Logger } from '../../log.ts';
import type { Registry } from '../../registry/registry.ts';
import type { RepositoryRow, SnapshotRow, WorktreeRow } from '../../registry/rows.ts';
import { deleteBranchAt } from '../empty-branch.ts';
import { giveContextBack } from '../context.ts';
import { isMissing, isUnlinked } from '../entry.ts';
import { examine } from '../examine.ts';
import { stillWorkedIn, unlinked, unsafe } from '../refusals.ts';
import { requireRegistered } from '../register.ts';
import type { Removal } from '../removal.ts';
import { findBlockers } from '../safety.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import { printOf } from '../snapshots/tree-print.ts';
import { isSetUp, readyOf } from './ready.ts';
import type { PoolSettings } from './settings.ts';

interface Parts {
  registry: Registry;
  git: Git;
  log: Logger;
  removal: Removal;
  underWay: UnderWay;
  snapshots: Pick<Snapshots, 'take' | 'isHiding'>;
  poolSettings: PoolSettings;
}

/** What became of the work in a worktree. */
interface Kept {
  snapshot: SnapshotRow | null;
  /** Nothing needs to be reset. */
  isClean: boolean;
  /** Of the tree before that; null: it is gone. */
  print: string | null;
}

const snapshotReason = 'given back to the pool';

/** The ways out of what git can be in the middle of. */
const quits: Readonly<Record<string, readonly (readonly string[])[]>> = {
  rebase: [
    ['rebase', '--quit'],
    ['am', '--quit'],
  ],
  merge: [['merge', '--quit']],
  'cherry-pick': [['cherry-pick', '--quit']],
  revert: [['revert', '--quit']],
  bisect: [['bisect', 'reset', 'HEAD']],
};

/**
 * Makes worktrees of the pool, in state `cleaning`, ready for the next holder: what is in one is kept first, then it is
 * reset and cleaned of all but ignored files. Every step can be done again, so that another daemon can go on with it.
 */
export class Recycling {
  readonly #parts: Parts;
  readonly #going = new Map<string, { repositoryId: string; done: Promise<void> }>();
  /** Of those that are under way, the ones that will be ready. */
  readonly #staying = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Answers what was kept, once nothing can be lost any more; the rest goes on in the background.
   * Throws when it could not be kept; then the worktree stays as it is, in state `failed`.
   */
  async begin(repository: RepositoryRow, { id }: WorktreeRow): Promise<SnapshotRow | null> {
    const row = this.#parts.registry.worktrees.get(id);
    if (row?.state !== 'cleaning') return null;
    const kept = this.#keepWork(repository, row);
    const done = this.#parts.underWay
      .during(id, async () => this.#finish(repository, { row, kept: await kept }))
      .catch((error: unknown) => {
        this.#fail(repository, { row, error });
      })
      .finally(() => {
        this.#going.delete(id);
        this.#staying.delete(id);
      });
    this.#going.set(id, { repositoryId: row.repositoryId, done });
    return (await kept).snapshot;
  }

  /** Answers false when none is being made ready in this repository. */
  async untilNext(repositoryId: string, isWanted: (id: string) => boolean): Promise<boolean> {
    const going = [...this.#going].filter(([id, each]) => each.repositoryId === repositoryId && isWanted(id));
    if (going.length === 0) return false;
    await Promise.race(going.map(([, { done }]) => done));
    return true;
  }

  /** Of all repositories without one. */
  async untilAll(repositoryId?: string): Promise<void> {
    const going = [...this.#going.values()].filter(
      (each) => repositoryId === undefined || each.repositoryId === repositoryId,
    );
    await Promise.all(going.map(({ done }) => done));
  }

  async #keepWork(repository: RepositoryRow, row: WorktreeRow): Promise<Kept> {
    if (await isUnlinked(row.path)) throw unsafe(row, [unlinked(row.path)], `mend ${row.path}, or move it away`);
    const { git, snapshots } = this.#parts;
    const print = await this.#printOf(row);
    const blockers = findBlockers({ ...(await examine(git, repository, row.path)), activeRun: null });
    const holdsNothing = async () => print === null || !(await snapshots.isHiding(repository, row));
    if (blockers.length === 0 && (await holdsNothing())) return { snapshot: null, isClean: true, print };
    const snapshot = await snapshots.take(repository, row, snapshotReason);
    faultPoint('release: work kept');
    return { snapshot, isClean: false, print };
  }

  async #printOf({ path }: WorktreeRow): Promise<string | null> {
    return (await isMissing(path)) ? null : printOf(this.#parts.git, path);
  }

  async #finish(repository: RepositoryRow, { row, kept }: { row: WorktreeRow; kept: Kept }): Promise<void> {
    const { removal } = this.#parts;
    // What its holder left running may have written since.
    if ((await this.#printOf(row)) !== kept.print) throw stillWorkedIn(row);
    const isThere = !(await isMissing(row.path));
    const stays = isThere && this.#stays(repository, row);
    if (stays) this.#staying.add(row.id);
    else {
      if (!kept.isClean) await this.#reset(repository, row);
      await removal.finishRemoval(repository, row);
      return;
    }
    const commit = await this.#reset(repository, row);
    this.#parts.registry.change(() => {
      const { registry, poolSettings } = this.#parts;
      const free = { state: 'available', branch: null, branchMade: false, task: null, pr: null } as const;
      const base = poolSettings.baseOf(repository);
      registry.worktrees.update(row.id, { ...free, declared: 'active', base, baseCommit: commit });
    });
    faultPoint('release: ready');
  }

  /** A named one waits for its name; another one only where the strategy has a use for it. */
  #stays(repository: RepositoryRow, row: WorktreeRow): boolean {
    const { registry, poolSettings, underWay } = this.#parts;
    if (row.kind === 'named') return true;
    if (!isSetUp(row)) return false;
    const { allocation_strategy: strategy, pool_size: size } = poolSettings.of(repository);
    // Many may be given back at once.
    const coming = [...this.#staying].filter((id) => this.#going.get(id)?.repositoryId === repository.id);
    const ready = readyOf(registry, underWay, repository.id).length + coming.length;
    return strategy === 'reuse' || (strategy === 'pooled' && ready < size);
  }

  /** Answers the commit that HEAD stands at, detached. */
  async #reset(repository: RepositoryRow, row: WorktreeRow): Promise<string> {
    const { git, poolSettings } = this.#parts;
    const base = poolSettings.baseOf(repository);
    const tip = base && (await findCommit(git, repository.commonDir, base));
    const commit = tip || row.baseCommit;
    // Else git would take the checkout around it for this worktree, should its .git be gone.
    const env = { GIT_CEILING_DIRECTORIES: dirname(row.path) };
    const { operation } = await examine(git, repository, row.path);
    for (const args of quits[operation ?? ''] ?? []) {
      await git.write(row.path, args, env).catch(() => undefined); // whether it helped is looked at in the end
    }
    await this.#unhide(row.path, env);
    const discard = ['--detach', '--discard-changes', '--no-recurse-submodules'];
    await git.writeFiles(row.path, ['switch', '--quiet', ...discard, commit], env);
    await git.writeFiles(row.path, ['clean', '--quiet', '-ffd'], env);
    await giveContextBack(git, row.path, env);
    faultPoint('release: reset');
    await this.#deleteEmptyBranch(repository, row);
    faultPoint('release: branch deleted');
    const blockers = findBlockers({ ...(await examine(git, repository, row.path)), activeRun: null });
    if (blockers.length > 0) throw unsafe(row, blockers, `clean ${row.path} by hand, or remove it`);
    await requireRegistered(git, repository.commonDir, { ...row, branch: null });
    return commit;
  }

  /** Files that git was told not to look at would stay as they are. */
  async #unhide(path: string, env: Record<string, string>): Promise<void> {
    const { git } = this.#parts;
    const indexed = parseIndexEntries(await git.bytes(path, ['ls-files', '-z', '-v', '--stage'], { env }));
    const flagged = indexed.filter(({ tag }) => tag === 'S' || tag !== tag.toUpperCase());
    if (flagged.length === 0) return;
    const input = flagged.map((entry) => `${entry.path}\0`).join('');
    for (const flag of ['--no-assume-unchanged', '--no-skip-worktree'])
      await git.bytes(path, ['update-index', flag, '-z', '--stdin'], { input, env });
  }

  async #deleteEmptyBranch({ commonDir }: RepositoryRow, row: WorktreeRow): Promise<void> {
    const { git } = this.#parts;
    const { branch, branchMade, baseCommit: commit } = row;
    if (!branchMade || branch === null) return;
    await git.locked(commonDir, async () => {
      if ((await listWorktrees(git, commonDir)).some((listed) => listed.branch === branch)) return;
      await deleteBranchAt(git, commonDir, { branch, commit });
    });
  }

  /** It is never lost: people find it, with the reason. */
  #fail(repository: RepositoryRow, { row, error }: { row: WorktreeRow; error: unknown }): void {
    const { registry, log } = this.#parts;
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ worktree: row.path, err: error }, 'a worktree could not be made ready again');
    const written = registry.changeOnceWritable((tell) => {
      registry.worktrees.update(row.id, { state: 'failed' });
      const data = { path: row.path, reason };
      tell({ type: 'pool.kept', repository: repository.name, worktree: row.id, data });
    });
    written.catch((failure: unknown) => {
      log.warn({ worktree: row.path, err: failure }, 'that is not written down');
    });
  }
}
