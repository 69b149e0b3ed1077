import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../registry/rows.ts';
import { groupByRepository, type WorktreeFacts } from '../worktrees/facts.ts';
import { ProgressReader } from './tasks/progress-reader.ts';
import { worktreeOf } from './plan-worktree.ts';

/** What git says of a plan's branch and worktree. Null: there is none, or it could not be found out. */
export interface BranchFacts {
  ahead: number | null;
  behind: number | null;
  dirty: boolean | null;
  missing: boolean;
  /** Null: nobody has looked yet. */
  merged: boolean | null;
}

interface Known {
  at: number;
  facts: BranchFacts;
}

const unknown: BranchFacts = { ahead: null, behind: null, dirty: null, missing: false, merged: null };

/** Asks git about plans; answers are kept for a moment. */
export class PlanFactsReader {
  readonly #registry: Registry;
  readonly #worktreeFacts: WorktreeFacts;
  readonly #known = new Map<string, Known>();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly progress: ProgressReader;

  constructor({ registry, worktreeFacts }: { registry: Registry; worktreeFacts: WorktreeFacts }) {
    this.#registry = registry;
    this.#worktreeFacts = worktreeFacts;
    this.progress = new ProgressReader(registry);
  }

  /** What was last found out. */
  of(plan: string): BranchFacts {
    return this.#known.get(plan)?.facts ?? unknown;
  }

  /** Whether its base has what a plan had, by what is known so far. */
  isMerged({ id, outcome }: PlanRow): boolean {
    return this.of(id).merged ?? outcome?.kind === 'merged';
  }

  /** Makes what is known of these plans and their worktrees at most `maxAgeMs` old. */
  async refresh(plans: readonly PlanRow[], maxAgeMs: number): Promise<void> {
    const old = plans.filter(({ id }) => performance.now() - (this.#known.get(id)?.at ?? -Infinity) > maxAgeMs);
    const groups = groupByRepository(old);
    await Promise.all([...groups].map(([id, group]) => this.#refreshRepository(id, { plans: group, maxAgeMs })));
  }

  /** Before a worktree goes: what is ticked off in it is written down. */
  async lastLook(id: string): Promise<void> {
    const plan = this.#registry.plans.byWorktree(id);
    const worktree = this.#registry.worktrees.get(id);
    const repository = plan && this.#registry.repositories.get(plan.repositoryId);
    if (repository) await this.progress.refresh({ plan, repository, worktree });
  }

  forget(plan: string): void {
    this.#known.delete(plan);
    this.progress.forget(plan);
  }

  async #refreshRepository(id: string, { plans, maxAgeMs }: { plans: PlanRow[]; maxAgeMs: number }): Promise<void> {
    const repository = this.#registry.repositories.get(id);
    if (!repository) return;
    const worktrees = plans.flatMap((plan) => worktreeOf(this.#registry, plan) ?? []);
    const trees = this.#worktreeFacts.refresh(worktrees, maxAgeMs);
    await Promise.all(plans.map((plan) => this.#once(plan.id, () => this.#look({ plan, repository, trees }))));
  }

  /** Two who ask at once get one answer. */
  #once(plan: string, look: () => Promise<void>): Promise<void> {
    const running = this.#underWay.get(plan) ?? look().finally(() => this.#underWay.delete(plan));
    this.#underWay.set(plan, running);
    return running;
  }

  async #look(about: { plan: PlanRow; repository: RepositoryRow; trees: Promise<void> }): Promise<void> {
    const { plan, repository, trees } = about;
    const at = performance.now();
    const worktree = worktreeOf(this.#registry, plan);
    const { comparisons } = this.#worktreeFacts;
    const [comparison, tips] = await Promise.all([
      comparisons.compare(repository, plan).catch(() => undefined),
      comparisons.tipsOf(repository).catch(() => undefined),
      trees,
      this.progress.refresh({ ...about, worktree }),
    ]);
    const now = this.#registry.plans.get(plan.id);
    if (!now) return;
    // While its commits are being moved nobody knows where its own begin.
    const isMoving = [plan, now].some(({ intent }) => intent?.kind === 'rebase') || now.baseCommit !== plan.baseCommit;
    const { ahead = null, behind = null, isContained = false, tip } = comparison ?? {};
    const hasLeft = plan.baseCommit !== null && tip !== plan.baseCommit;
    // A branch that went on after it was merged is work again.
    const isAsMerged = tips !== undefined && [undefined, plan.outcome?.tip].includes(tips.get(plan.branch));
    const wasMerged = plan.outcome?.kind === 'merged' && isAsMerged;
    const tree = worktree && this.#worktreeFacts.of(worktree.id);
    const { dirty = null, missing = false } = tree ?? {};
    const merged = (isContained && hasLeft && !isMoving) || worktree?.declared === 'merged' || wasMerged;
    this.#known.set(plan.id, { at, facts: { ahead, behind, dirty, missing, merged } });
  }
}
