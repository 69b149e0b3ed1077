import { Disposal } from '../../../base/disposal.ts';
import { faultPoint } from '../../../base/fault-point.ts';
import type { Clock } from '../../../base/clock.ts';
import type { UnderWay } from '../../../base/under-way.ts';
import type { Git } from '../../git/git.ts';
import { listWorktrees } from '../../git/questions.ts';
import type { Logger } from '../../log.ts';
import type { Registry } from '../../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import type { Allotment } from '../allotment.ts';
import type { Creation } from '../creation.ts';
import { lockReason } from '../naming.ts';
import { portsOf } from '../ports.ts';
import { requireRegistered, type Wanted } from '../register.ts';
import { chooseReady } from './choice.ts';
import type { Lending } from './lending.ts';
import { readyOf } from './ready.ts';
import type { Recycling } from './recycling.ts';

interface Parts {
  registry: Registry;
  git: Git;
  clock: Clock;
  log: Logger;
  underWay: UnderWay;
  allotment: Allotment;
  creation: Creation;
  lending: Lending;
  recycling: Recycling;
  /** This daemon's, which its locks of worktrees name. */
  home: string;
}

/** Hands a ready worktree of the pool over for good, under another name. */
export class Handover {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Undefined when there is none, or it did not work out: then a new one is to be made. Two rows while it moves, one for
   * each place: whatever a daemon that dies leaves behind, one of them finds it.
   */
  async take(repository: RepositoryRow, wanted: Wanted): Promise<WorktreeRow | undefined> {
    const { registry, underWay, clock, log } = this.#parts;
    const ready = readyOf(registry, underWay, repository.id).map((row) => ({ row, lastBranch: null }));
    const chosen = chooseReady(ready, {}, clock.now());
    if (!chosen) return undefined;
    try {
      return await underWay.during(chosen.id, () => this.#take(repository, { from: chosen, wanted }));
    } catch (error) {
      log.warn({ worktree: chosen.path, err: error }, 'a ready worktree could not be taken; a new one is made');
      return undefined;
    }
  }

  async #take(
    repository: RepositoryRow,
    { from, wanted }: { from: WorktreeRow; wanted: Wanted },
  ): Promise<WorktreeRow | undefined> {
    const { registry, allotment, creation, recycling, underWay } = this.#parts;
    if (await this.#isCheckedOut(repository, wanted.branch)) return undefined; // whoever makes a new one says so
    await using undo = new Disposal();
    registry.change(() => {
      registry.worktrees.update(from.id, { state: 'cleaning' });
    });
    undo.defer(() => {
      recycling.begin(repository, from).catch(() => undefined); // it says itself what went wrong
    });
    faultPoint('take: intent written');
    const row = await allotment.allot(repository, wanted);
    undo.defer(() => creation.rollBack(repository, row));
    faultPoint('take: allotted');
    const taken = await underWay.during(row.id, () => this.#move(repository, { from, to: row, wanted }));
    undo.release();
    return taken;
  }

  async #isCheckedOut({ commonDir }: RepositoryRow, branch: string | null): Promise<boolean> {
    if (branch === null) return false;
    return (await listWorktrees(this.#parts.git, commonDir)).some((listed) => listed.branch === branch);
  }

  async #move(
    repository: RepositoryRow,
    { from, to, wanted }: { from: WorktreeRow; to: WorktreeRow; wanted: Wanted },
  ): Promise<WorktreeRow> {
    const { git, registry, lending, clock, home } = this.#parts;
    const { commonDir } = repository;
    const reason = lockReason({ kind: to.kind, name: wanted.owner ?? to.name, home });
    await git.locked(commonDir, async () => {
      // Twice: it is locked, and stays so on the way.
      await git.write(commonDir, ['worktree', 'move', '--force', '--force', '--', from.path, to.path]);
      faultPoint('take: moved');
      await git.write(commonDir, ['worktree', 'unlock', '--', to.path]);
      await git.write(commonDir, ['worktree', 'lock', '--reason', reason, '--', to.path]);
    });
    const { branch, baseCommit: commit, branchMade: isNewBranch } = to;
    const head = { base: wanted.base ?? '', commit, branch, isNewBranch };
    await lending.switchTo(repository, { row: { ...to, baseCommit: from.baseCommit }, head });
    await requireRegistered(git, commonDir, to);
    faultPoint('take: switched');
    const now = clock.now();
    const used = { state: 'in_use' as const, useCount: 1, lastUsedAt: now, setup: from.setup };
    registry.change((tell) => {
      registry.worktrees.update(from.id, { state: 'removed', removedAt: now });
      registry.worktrees.update(to.id, used);
      const data = { path: to.path, branch, ports: portsOf(to) };
      tell({ type: 'worktree.created', repository: repository.name, worktree: to.id, data });
      wanted.claim?.({ ...to, ...used }, tell);
    });
    faultPoint('take: recorded');
    return { ...to, ...used };
  }
}
