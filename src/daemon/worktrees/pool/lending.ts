import { dirname, join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { faultPoint } from '../../../base/fault-point.ts';
import type { UnderWay } from '../../../base/under-way.ts';
import type { Git } from '../../git/git.ts';
import { findCommit, listWorktrees } from '../../git/questions.ts';
import type { Logger } from '../../log.ts';
import type { Registry, Tell } from '../../registry/registry.ts';
import type { LeaseRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import type { RepositorySettings } from '../../repositories/settings.ts';
import { requireBase } from '../base.ts';
import type { Creation } from '../creation.ts';
import { isMissing } from '../entry.ts';
import { branchTaken } from '../refusals.ts';
import { chooseReady, type Criteria } from './choice.ts';
import { readyOf } from './ready.ts';
import type { Recycling } from './recycling.ts';

interface Parts {
  registry: Registry;
  git: Git;
  settings: RepositorySettings;
  clock: Clock;
  log: Logger;
  underWay: UnderWay;
  creation: Creation;
  recycling: Recycling;
}

export interface Loan {
  name?: string | undefined;
  reuse?: Criteria | undefined;
  ref?: string | undefined;
  branch?: string | undefined;
  task?: string | undefined;
  /** Whether released ones stay for the next: then one that is just being made ready is worth a wait. */
  isKept: boolean;
  /** Writes the lease down, in the change that puts the worktree to use. */
  grant: (row: WorktreeRow, source: LeaseRow['source'], tell: Tell) => void;
}

/** What HEAD shall be. */
interface Head {
  base: string;
  commit: string;
  branch: string | null;
  /** Else it is there already. */
  isNewBranch: boolean;
}

/** Puts worktrees to use: a ready one where there is one, else a new one. */
export class Lending {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Refuses what cannot be before somebody waits for it. Throws NOT_FOUND, INVALID_STATE. */
  async resolve(repository: RepositoryRow, { ref, branch }: Pick<Loan, 'ref' | 'branch'>): Promise<Head> {
    const { git, settings } = this.#parts;
    const { worktrees } = await settings.of(repository);
    const [{ base, commit }, tip] = await Promise.all([
      requireBase(git, repository, ref ?? worktrees.base),
      branch === undefined ? undefined : findCommit(git, repository.commonDir, `refs/heads/${branch}`),
    ]);
    return { base, commit: tip ?? commit, branch: branch ?? null, isNewBranch: tip === undefined };
  }

  /** Throws BUSY when the branch is checked out elsewhere, and what Creation throws. */
  async lend(repository: RepositoryRow, loan: Loan, early: Head): Promise<void> {
    const { underWay, recycling } = this.#parts;
    let head = early;
    for (;;) {
      const ready = this.#choose(repository, loan);
      // In the same step, so that nobody else chooses it.
      if (ready && (await underWay.during(ready.id, () => this.#take(repository, { row: ready, loan, head })))) return;
      if (ready) continue;
      if (!(await recycling.untilNext(repository.id, (id) => this.#isWorthAWait(id, loan)))) break;
      head = await this.resolve(repository, loan);
    }
    await this.#make(repository, loan, head);
  }

  #choose(repository: RepositoryRow, { name, reuse = {} }: Loan): WorktreeRow | undefined {
    const { registry, underWay, clock } = this.#parts;
    if (name !== undefined) {
      const named = registry.worktrees.byName(repository.id, name);
      return named?.state === 'available' && !underWay.has(named.id) ? named : undefined;
    }
    const lastBranch = (row: WorktreeRow) => registry.leases.lastOfWorktree(row.id)?.branch ?? null;
    const ready = readyOf(registry, underWay, repository.id).map((row) => ({ row, lastBranch: lastBranch(row) }));
    return chooseReady(ready, reuse, clock.now());
  }

  #isWorthAWait(id: string, { name, isKept }: Loan): boolean {
    const row = this.#parts.registry.worktrees.get(id);
    return name === undefined ? isKept && row?.kind === 'pool' : row?.name === name;
  }

  /** Answers false when it was not there any more. It is written down as `cleaning` first, so that it comes back. */
  async #take(
    repository: RepositoryRow,
    { row, loan, head }: { row: WorktreeRow; loan: Loan; head: Head },
  ): Promise<boolean> {
    const { registry, clock } = this.#parts;
    const { branch, base, commit } = head;
    if (await isMissing(join(row.path, '.git'))) {
      registry.change(() => {
        registry.worktrees.update(row.id, { state: 'cleaning' });
      });
      this.#giveBack(repository, row);
      return false;
    }
    const heading = { branch, branchMade: branch !== null && head.isNewBranch, base, baseCommit: commit };
    registry.change(() => {
      registry.worktrees.update(row.id, { state: 'cleaning', ...heading });
    });
    faultPoint('acquire: intent written');
    try {
      await this.switchTo(repository, { row, head });
    } catch (error) {
      await this.#disown(repository, { row, branch });
      this.#giveBack(repository, row);
      throw error;
    }
    faultPoint('acquire: switched');
    const used = { state: 'in_use' as const, useCount: row.useCount + 1, lastUsedAt: clock.now() };
    const source = row.kind === 'named' ? 'named' : row.useCount === 0 ? 'pool' : 'reused';
    try {
      registry.change((tell) => {
        registry.worktrees.update(row.id, { ...used, task: loan.task ?? null });
        loan.grant({ ...row, ...heading, ...used }, source, tell);
      });
    } catch (error) {
      this.#giveBack(repository, row);
      throw error;
    }
    faultPoint('acquire: recorded');
    return true;
  }

  /** Files are written before the lock is taken, so that what happens under it takes a moment whatever the tree. */
  async switchTo(repository: RepositoryRow, { row, head }: { row: WorktreeRow; head: Head }): Promise<void> {
    const { git } = this.#parts;
    const { branch, commit, isNewBranch } = head;
    // Else git would take the checkout around it for this worktree, should its .git be gone.
    const env = { GIT_CEILING_DIRECTORIES: dirname(row.path) };
    const quietly = ['switch', '--quiet', '--no-recurse-submodules'];
    if (row.baseCommit !== commit) await git.writeFiles(row.path, [...quietly, '--detach', commit], env);
    if (branch === null) return;
    const how = isNewBranch ? ['--no-track', '-c', branch, commit] : ['--no-guess', branch];
    await git.locked(repository.commonDir, async () => {
      if (!isNewBranch) await this.#requireFree(repository, branch);
      await git.write(row.path, [...quietly, ...how], env);
    });
  }

  async #requireFree({ commonDir }: RepositoryRow, branch: string): Promise<void> {
    const holder = (await listWorktrees(this.#parts.git, commonDir)).find((listed) => listed.branch === branch);
    if (holder) throw branchTaken(branch, holder.path);
  }

  /** A branch that somebody else made at the same moment is not ours to take away. */
  async #disown(
    { commonDir }: RepositoryRow,
    { row, branch }: { row: WorktreeRow; branch: string | null },
  ): Promise<void> {
    const { git, registry } = this.#parts;
    const listed = await listWorktrees(git, commonDir).catch(() => []);
    if (listed.some((each) => each.path === row.path && each.branch === branch)) return;
    registry.change(() => {
      registry.worktrees.update(row.id, { branch: null, branchMade: false });
    });
  }

  #giveBack(repository: RepositoryRow, row: WorktreeRow): void {
    this.#parts.recycling.begin(repository, row).catch(() => undefined); // it says itself what went wrong
  }

  async #make(repository: RepositoryRow, { name, task, grant }: Loan, head: Head): Promise<void> {
    await this.#parts.creation.create(repository, {
      name: name ?? 'pool',
      branch: head.branch,
      base: head.base,
      baseCommit: head.commit,
      kind: name === undefined ? 'pool' : 'named',
      task,
      claim: (made, tell) => {
        grant(made, 'new', tell);
      },
    });
  }
}
