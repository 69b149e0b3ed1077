import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { faultPoint } from '../../base/fault-point.ts';
import type { UnderWay } from '../../base/under-way.ts';
import { WtdError } from '../../contract/errors.ts';
import { listWorktrees } from '../git/questions.ts';
import type { RemovalIntent, RepositoryRow, SnapshotRow, WorktreeRow } from '../registry/rows.ts';
import { examineBranch, type BranchLoss } from './branch-loss.ts';
import { Discarding, type Discarded, type DiscardingParts } from './discarding.ts';
import { isMissing, isRegistered, isUnlinked } from './entry.ts';
import { examine } from './examine.ts';
import {
  bringBack,
  inTransition,
  leased,
  notOurs,
  saveFirst,
  seeToIt,
  stillWorkedIn,
  unlinked,
  unsafe,
} from './refusals.ts';
import { findBlockers, findBranchBlockers, findClaim, type Blocker } from './safety.ts';
import type { Snapshots } from './snapshots/snapshots.ts';
import { printOf } from './snapshots/tree-print.ts';
import { activeRunIn } from './users.ts';

interface Parts extends DiscardingParts {
  clock: Clock;
  underWay: UnderWay;
  snapshots: Pick<Snapshots, 'take' | 'blockersOf' | 'isWhole'>;
  /** Ends an active run; answers when its whole process tree is gone. */
  stopRun: (run: string) => Promise<unknown>;
  /** Ends what ended runs of a worktree left alive, then writes down what only its files tell. */
  settle: (worktree: string) => Promise<void>;
}

/** How a worktree is to go. */
export interface RemovalWish {
  /** The run that is active in it or will be. */
  activeRun: string | null;
  /** Although work is in it: after a snapshot that brings it back. */
  force?: boolean | undefined;
  deleteBranch?: boolean | undefined;
  /** Only tells what would be in the way. */
  dryRun?: boolean | undefined;
  /** What it is recorded as; default: what its commits tell. */
  declared?: RemovalIntent['declared'] | undefined;
  /** Why, for the snapshot. */
  reason?: string | undefined;
}

export interface Removed extends Discarded {
  removed: boolean;
  /** What a dry run saw, or force overrode. */
  blockers: Blocker[];
  /** Of everything that was in it; null when there was nothing to keep. */
  snapshot: SnapshotRow | null;
  /** Nothing of it is left, neither among the worktrees nor in git's list. */
  directoryClean: boolean;
}

interface Look {
  blockers: Blocker[];
  /** It is not this home's to take away. */
  isForeign: boolean;
  /** Force does not override them either. */
  isFinal: boolean;
  branch: BranchLoss | null;
}

/** The state of a worktree that a snapshot has. */
interface Kept {
  snapshot: SnapshotRow | null;
  print: string | null;
}

/** A worktree is not, or not any more, as its snapshot has it. */
class TreeChanged extends Error {}

/** Somebody who changes the tree more often than this works in it. */
const mostSnapshots = 3;

/** Takes worktrees away when nothing would be lost. */
export class Removal {
  readonly #parts: Parts;
  readonly discarding: Discarding;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.discarding = new Discarding(parts);
  }

  /**
   * Removes a worktree, after a snapshot, and gives its ports back. A branch of ours without commits of its own goes
   * with it. Throws UNSAFE with everything that would be lost, and BUSY while somebody has a lease of it; then nothing
   * has changed.
   */
  async remove(repository: RepositoryRow, row: WorktreeRow, wish: RemovalWish): Promise<Removed> {
    this.#requireFree(row);
    const look = await this.#look(repository, row, wish);
    const { blockers } = look;
    const isRefused = look.isForeign || (blockers.length > 0 && (wish.force !== true || look.isFinal));
    if (wish.dryRun === true || isRefused) blockers.push(...(await this.#unkeepable(repository, row, look)));
    if (wish.dryRun === true) return { ...untouched, blockers };
    if (look.isForeign) throw notOurs(repository, blockers);
    if (isRefused) throw unsafe(row, blockers, await this.#rescueOf(row, look.isFinal));
    if (wish.activeRun !== null) await this.#parts.stopRun(wish.activeRun);
    await this.#parts.settle(row.id);
    const kept = await this.#keepFirst(repository, row, wish.reason ?? 'removed');
    faultPoint('remove: snapshot taken');
    const removal = {
      from: row.removal?.from ?? row.state,
      force: wish.force === true,
      deleteBranch: wish.deleteBranch === true,
      declared: wish.declared ?? declaredBy(row, look, wish),
    };
    this.#intend(row, removal);
    faultPoint('remove: intent written');
    const intended = { ...row, state: 'cleaning' as const, removal, snapshotId: kept.snapshot?.id ?? row.snapshotId };
    return { ...(await this.#finish(repository, intended, kept)), blockers };
  }

  /** The part of `remove` after its intent; a daemon that died in it goes on here. */
  async finishRemoval(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    await this.#finish(repository, row, null);
  }

  /** Asked in the very step of the removal. Throws UNSAFE. */
  async requireSafe(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    const findings = await examine(this.#parts.git, repository, row.path);
    const blockers = (await isUnlinked(row.path))
      ? [unlinked(row.path)]
      : findBlockers({ ...findings, activeRun: null });
    if (blockers.length > 0) throw unsafe(row, blockers, await this.#rescueOf(row));
  }

  #requireFree(row: WorktreeRow): void {
    const lease = this.#parts.registry.leases.ofWorktree(row.id);
    if (lease) throw leased(row, lease);
    if (this.#parts.underWay.has(row.id)) throw inTransition(row);
  }

  async #look(repository: RepositoryRow, row: WorktreeRow, wish: RemovalWish): Promise<Look> {
    const { git, home } = this.#parts;
    const listed = await listWorktrees(git, repository.commonDir).catch(() => []);
    const claim = findClaim(listed, row.path, home);
    const [findings, branch, isMissingNow, isUnlinkedNow] = await Promise.all([
      examine(git, repository, row.path),
      examineBranch(this.#parts, repository, row).catch(() => null),
      isMissing(row.path),
      isUnlinked(row.path),
    ]);
    const { activeRun } = wish;
    const inTree = isUnlinkedNow ? [unlinked(row.path)] : findBlockers({ ...findings, activeRun });
    const onBranch = wish.deleteBranch === true && branch !== null ? findBranchBlockers(branch) : [];
    // Of what cannot be looked at, or is in git's list no more, no snapshot can be made.
    const isUnknown = isMissingNow && !listed.some(({ path }) => path === row.path);
    const isFinal = isUnknown || inTree.some(({ code }) => code === 'unverified');
    const blockers = [...(claim === null ? [] : [claim]), ...inTree, ...onBranch];
    return { blockers, isForeign: claim !== null, isFinal, branch };
  }

  /** What stands in the way although all else could be kept. */
  async #unkeepable(repository: RepositoryRow, row: WorktreeRow, { isForeign, blockers }: Look): Promise<Blocker[]> {
    if (isForeign || !(await isRegistered(repository.commonDir, row.path))) return [];
    const found = await this.#parts.snapshots.blockersOf(repository, row).catch(() => []);
    return found.filter(({ message }) => !blockers.some((known) => known.message === message));
  }

  /** From here to the change nothing else happens, so nobody can have begun anything in it. */
  #intend(row: WorktreeRow, removal: RemovalIntent): void {
    const { registry } = this.#parts;
    const active = activeRunIn(registry, row);
    if (active) {
      const message = `run ${active.id} was started in it just now`;
      throw unsafe(row, [{ code: 'active_run', message }], saveFirst(row));
    }
    this.#requireFree(row);
    if (registry.worktrees.get(row.id)?.state !== row.state) throw inTransition(row);
    registry.change(() => {
      registry.worktrees.update(row.id, { state: 'cleaning', removal });
    });
  }

  /** Of one whose directory is gone what git has of it is kept. */
  async #keepFirst(repository: RepositoryRow, row: WorktreeRow, reason: string): Promise<Kept> {
    if (!(await isMissing(row.path)) || !(await isRegistered(repository.commonDir, row.path)))
      return this.#keep(repository, row, reason);
    return { print: null, snapshot: await this.#parts.snapshots.take(repository, row, reason) };
  }

  async #keep(repository: RepositoryRow, row: WorktreeRow, reason: string): Promise<Kept> {
    if (await isMissing(join(row.path, '.git'))) return { snapshot: null, print: null };
    // Before the snapshot: what changes while it is taken shows.
    const print = await printOf(this.#parts.git, row.path);
    return { print, snapshot: await this.#parts.snapshots.take(repository, row, reason) };
  }

  async #finish(repository: RepositoryRow, row: WorktreeRow, before: Kept | null): Promise<Omit<Removed, 'blockers'>> {
    const { registry, clock, underWay, worktreeFacts } = this.#parts;
    const done = await underWay.during(row.id, () => this.#orStays(row, () => this.#discard(repository, row, before)));
    const declared = row.removal?.declared ?? row.declared;
    registry.change((tell) => {
      registry.worktrees.update(row.id, { state: 'removed', removedAt: clock.now(), removal: null, declared });
      const { branchDeleted, snapshot } = done;
      const data = { path: row.path, branch: row.branch, branchDeleted, snapshot: snapshot?.id ?? row.snapshotId };
      tell({ type: 'worktree.removed', repository: repository.name, worktree: row.id, data });
    });
    faultPoint('remove: row written');
    worktreeFacts.forget(row.id);
    return { removed: true, ...done, directoryClean: await isGone(repository, row.path) };
  }

  /** Like Discarding.discard; what must not go is no longer about to. */
  discard(repository: RepositoryRow, row: WorktreeRow, agree: () => Promise<void>): Promise<Discarded> {
    return this.#orStays(row, () => this.discarding.discard(repository, row, agree));
  }

  async #orStays<T>(row: WorktreeRow, task: () => Promise<T>): Promise<T> {
    const { registry } = this.#parts;
    try {
      return await task();
    } catch (error) {
      if (error instanceof WtdError && (error.code === 'UNSAFE' || error.code === 'BUSY')) {
        registry.change(() => {
          registry.worktrees.update(row.id, { state: row.removal?.from ?? 'in_use', removal: null });
        });
      }
      throw error;
    }
  }

  /** By force only what a snapshot has: it is taken again as long as somebody works in the tree. */
  async #discard(
    repository: RepositoryRow,
    row: WorktreeRow,
    before: Kept | null,
  ): Promise<Discarded & { snapshot: SnapshotRow | null }> {
    if (row.removal?.force !== true) {
      const agree = () => this.requireSafe(repository, row);
      return { ...(await this.discarding.discard(repository, row, agree)), snapshot: before?.snapshot ?? null };
    }
    for (let tries = 1; ; tries += 1) {
      const kept = tries === 1 && before ? before : await this.#keep(repository, row, 'removed');
      const held = { ...row, snapshotId: kept.snapshot?.id ?? row.snapshotId };
      try {
        const agree = () => this.#requireKept(repository, row, kept);
        return { ...(await this.discarding.discard(repository, held, agree)), snapshot: kept.snapshot };
      } catch (error) {
        if (!(error instanceof TreeChanged)) throw error;
        if (tries === mostSnapshots) throw stillWorkedIn(row);
      }
    }
  }

  async #requireKept({ commonDir }: RepositoryRow, { path }: WorktreeRow, { snapshot, print }: Kept): Promise<void> {
    const isWhole = snapshot === null || (await this.#parts.snapshots.isWhole(commonDir, snapshot.commit));
    if (!isWhole) throw new TreeChanged();
    if (await isMissing(path)) return; // it lies in the trash, or somebody took it away after its snapshot
    if ((await printOf(this.#parts.git, path)) !== print) throw new TreeChanged();
  }

  async #rescueOf(row: WorktreeRow, isFinal = false): Promise<string> {
    if (await isMissing(join(row.path, '.git'))) return bringBack(row.path, isFinal);
    return isFinal ? seeToIt : saveFirst(row);
  }
}

const untouched: Removed = {
  removed: false,
  blockers: [],
  snapshot: null,
  branchDeleted: false,
  directoryClean: false,
  warnings: [],
};

/** What its commits tell, unless a person said something else. */
function declaredBy({ declared }: WorktreeRow, { branch }: Look, { force }: RemovalWish): RemovalIntent['declared'] {
  if (declared !== 'active' || branch === null) return null;
  if (branch.isMerged) return 'merged';
  return force === true && branch.ownCommits !== 0 ? 'abandoned' : null;
}

const isGone = async (repository: RepositoryRow, path: string): Promise<boolean> =>
  (await isMissing(path)) && !(await isRegistered(repository.commonDir, path));
