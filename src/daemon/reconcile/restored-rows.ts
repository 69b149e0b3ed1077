import { newId } from '../../base/id.ts';
import { newPlan } from '../plans/new-plan.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow, RunRow, WorktreeRow } from '../registry/rows.ts';
import { isActive } from '../runs/machine.ts';
import { newRow } from '../worktrees/new-row.ts';
import { overlaps, portsOf } from '../worktrees/ports.ts';
import type { Description } from './description.ts';

/** A run as its directory tells it; of its worktree only what git confirms. */
export interface Found extends Description {
  /** How it ended, should it turn out that it cannot be active any more. */
  ended: Partial<RunRow>;
}

/** Writes found runs into the registry, with the plans, worktrees and repositories they belong to. */
export class RestoredRows {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /**
   * Within a change. Each run is written whole or not at all; answers those that could not be. The newest run of a plan
   * brings it as it was last, and only that one can still be active.
   */
  write(found: readonly Found[]): string[] {
    const { runs } = this.#registry;
    const failed: string[] = [];
    const activePlans = new Set(runs.active().map(({ planId }) => planId));
    const rows = newestFirst(found).flatMap(({ run, ended, ...place }) => {
      const placed = this.#attempt(run.id, failed, () => this.#writePlace(place, run));
      if (!placed) return [];
      const row = { ...run, ...placed };
      const isSecond = isActive(row.state) && activePlans.has(row.planId);
      if (isActive(row.state)) activePlans.add(row.planId);
      return isSecond ? { ...row, ...ended } : row;
    });
    // The queue is in the order of the rows.
    for (const row of rows.sort((one, other) => one.queuedAt - other.queuedAt)) {
      this.#attempt(row.id, failed, () => {
        runs.insert({ ...row, attempt: this.#freeAttempt(row) });
      });
    }
    return failed;
  }

  #attempt<T>(run: string, failed: string[], write: () => T): T | undefined {
    try {
      return this.#registry.part(write);
    } catch {
      failed.push(run);
      return undefined;
    }
  }

  #freeAttempt({ planId, attempt }: RunRow): number {
    const taken = this.#registry.runs.ofPlan(planId).map((run) => run.attempt);
    return taken.includes(attempt) ? Math.max(...taken) + 1 : attempt;
  }

  #writePlace({ repository, plan, worktree }: Omit<Found, 'run' | 'ended'>, run: RunRow) {
    const { plans, worktrees } = this.#registry;
    const repositoryId = this.#writeRepository(repository);
    const planWorktree = worktree && this.#writeWorktree({ ...worktree, repositoryId });
    const planId = this.#writePlan({ ...plan, repositoryId, worktreeId: planWorktree });
    const { lastAttempt } = plans.get(planId) ?? plan;
    if (run.attempt > lastAttempt) plans.update(planId, { lastAttempt: run.attempt });
    const isKnown = run.worktreeId !== null && worktrees.get(run.worktreeId) !== undefined;
    return { planId, worktreeId: isKnown ? run.worktreeId : planWorktree };
  }

  #writeRepository(row: RepositoryRow): string {
    const { repositories } = this.#registry;
    const known = repositories.byCommonDir(row.commonDir);
    if (known) return known.id;
    let { name } = row;
    for (let number = 2; repositories.byName(name); number += 1) name = `${row.name}-${number}`;
    const id = repositories.get(row.id) ? newId() : row.id;
    repositories.insert({ ...row, id, name });
    return id;
  }

  /** Two worktrees never share ports, whatever the records say. */
  #writeWorktree(row: WorktreeRow): string {
    const { worktrees } = this.#registry;
    const known = worktrees.byPath(row.path);
    if (known) return known.id;
    const ports = portsOf(row);
    const isTaken = worktrees.live().some((other) => {
      const theirs = portsOf(other);
      return ports && theirs && overlaps(theirs, ports);
    });
    const id = worktrees.get(row.id) ? newId() : row.id;
    const free = isTaken ? { portStart: null, portEnd: null } : {};
    worktrees.insert({ ...row, id, state: 'in_use', removedAt: null, ...free });
    return id;
  }

  #writePlan(row: PlanRow): string {
    const { plans } = this.#registry;
    const known = plans.byName(row.repositoryId, row.name);
    if (!known) plans.insert(row);
    else if (known.worktreeId === null && row.worktreeId !== null)
      plans.update(known.id, { worktreeId: row.worktreeId });
    return known?.id ?? row.id;
  }
}

const newestFirst = (found: readonly Found[]): Found[] =>
  [...found].sort((one, other) => other.run.attempt - one.run.attempt || other.run.queuedAt - one.run.queuedAt);

interface KnownByGit {
  repositoryId: string;
  name: string;
  kind: WorktreeRow['kind'];
  branch: string | null;
  base: string | null;
  baseCommit: string;
  path: string;
  now: number;
}

/** Without a port range; and wtd takes no branch away of which it does not know that it made it. */
export const restoredWorktree = ({ now, ...known }: KnownByGit): WorktreeRow => ({
  ...newRow({ ...known, branchMade: false, state: 'in_use', createdAt: now, ports: null }),
  useCount: 1,
  lastUsedAt: now,
});

export const restoredPlan = (known: { name: string; branch: string; worktree: WorktreeRow; now: number }): PlanRow => {
  const { repositoryId, base, baseCommit, id: worktreeId } = known.worktree;
  return {
    ...newPlan({ repositoryId, name: known.name, branch: known.branch, base, now: known.now }),
    baseCommit,
    worktreeId,
  };
};
