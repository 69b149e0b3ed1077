import type { Git } from '../git/git.ts';
import { aheadBehind, branchTips, findCommit, isContained, treeStatus } from '../git/questions.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import { isMissing } from '../worktrees/entry.ts';
import { ProgressReader } from './progress-reader.ts';

/** What git says of a plan's branch and worktree. Null: there is none, or it could not be found out. */
export interface BranchFacts {
  ahead: number | null;
  behind: number | null;
  dirty: boolean | null;
  conflicted: boolean;
  missing: boolean;
  merged: boolean;
}

interface Known {
  at: number;
  facts: BranchFacts;
}

interface Compared {
  pair: string;
  ahead: number;
  behind: number;
  contained: boolean;
}

const unknown: BranchFacts = {
  ahead: null,
  behind: null,
  dirty: null,
  conflicted: false,
  missing: false,
  merged: false,
};

/** Asks git about plans; answers are kept for a moment, comparisons of two commits as long as both stay. */
export class PlanFactsReader {
  readonly #registry: Registry;
  readonly #git: Git;
  readonly #known = new Map<string, Known>();
  readonly #compared = new Map<string, Compared>();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly progress = new ProgressReader();

  constructor(registry: Registry, git: Git) {
    this.#registry = registry;
    this.#git = git;
  }

  /** What was last found out. */
  of(plan: string): BranchFacts {
    return this.#known.get(plan)?.facts ?? unknown;
  }

  /** Makes what is known of these plans at most `maxAgeMs` old. */
  async refresh(plans: readonly PlanRow[], maxAgeMs: number): Promise<void> {
    const old = plans.filter(({ id }) => performance.now() - (this.#known.get(id)?.at ?? -Infinity) > maxAgeMs);
    const byRepository = groupByRepository(old);
    await Promise.all([...byRepository].map(([id, group]) => this.#refreshRepository(id, group)));
  }

  forget(plan: string): void {
    this.#known.delete(plan);
    this.#compared.delete(plan);
    this.progress.forget(plan);
  }

  async #refreshRepository(id: string, plans: readonly PlanRow[]): Promise<void> {
    const repository = this.#registry.repositories.get(id);
    if (!repository) return;
    const tips = await branchTips(this.#git, repository.commonDir).catch(() => new Map<string, string>());
    await Promise.all(plans.map((plan) => this.#once(plan.id, () => this.#look({ plan, repository, tips }))));
  }

  /** Two who ask at once get one answer. */
  #once(plan: string, look: () => Promise<void>): Promise<void> {
    const running = this.#underWay.get(plan) ?? look().finally(() => this.#underWay.delete(plan));
    this.#underWay.set(plan, running);
    return running;
  }

  async #look(about: { plan: PlanRow; repository: RepositoryRow; tips: Map<string, string> }): Promise<void> {
    const { plan } = about;
    const at = performance.now();
    const worktree = plan.worktreeId === null ? undefined : this.#registry.worktrees.get(plan.worktreeId);
    const [tree, compared] = await Promise.all([
      this.#lookAtTree(worktree),
      this.#compare(about).catch(() => undefined),
      this.progress.refresh({ ...about, worktree }),
    ]);
    const tip = about.tips.get(plan.branch);
    const merged = compared?.contained === true && plan.baseCommit !== null && tip !== plan.baseCommit;
    const { ahead = null, behind = null } = compared ?? {};
    if (this.#registry.plans.get(plan.id)) this.#known.set(plan.id, { at, facts: { ...tree, ahead, behind, merged } });
  }

  async #lookAtTree(worktree: WorktreeRow | undefined): Promise<Pick<BranchFacts, 'dirty' | 'conflicted' | 'missing'>> {
    if (worktree?.state !== 'in_use') return { dirty: null, conflicted: false, missing: false };
    if (await isMissing(worktree.path)) return { dirty: null, conflicted: false, missing: true };
    const status = await treeStatus(this.#git, worktree.path).catch(() => undefined);
    if (status === undefined) return { dirty: null, conflicted: false, missing: false };
    const dirty = status.changed + status.untracked + status.conflicted > 0;
    return { dirty, conflicted: status.conflicted > 0, missing: false };
  }

  async #compare(about: {
    plan: PlanRow;
    repository: RepositoryRow;
    tips: Map<string, string>;
  }): Promise<Compared | undefined> {
    const { plan, repository, tips } = about;
    const baseName = plan.base ?? repository.defaultBranch;
    const tip = tips.get(plan.branch);
    if (tip === undefined || baseName === null) return undefined;
    const base = tips.get(baseName) ?? (await findCommit(this.#git, repository.commonDir, baseName));
    if (base === undefined) return undefined;
    const pair = `${tip} ${base}`;
    const known = this.#compared.get(plan.id);
    if (known?.pair === pair) return known;
    const counts = await aheadBehind(this.#git, repository.commonDir, { tip, base });
    // A branch that never left its start has nothing to merge, so nobody needs to ask.
    const contained = tip !== plan.baseCommit && (await isContained(this.#git, repository.commonDir, { tip, base }));
    const compared = { pair, ...counts, contained };
    this.#compared.set(plan.id, compared);
    return compared;
  }
}

function groupByRepository(plans: readonly PlanRow[]): Map<string, PlanRow[]> {
  const groups = new Map<string, PlanRow[]>();
  for (const plan of plans) groups.set(plan.repositoryId, [...(groups.get(plan.repositoryId) ?? []), plan]);
  return groups;
}
