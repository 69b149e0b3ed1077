import { WtdError } from '../../contract/errors.ts';
import type { LimitsAsked, Plan } from '../../contract/models.ts';
import type { Git } from '../git/git.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import { combineLimits } from '../runs/limits.ts';
import { requireBase } from '../worktrees/base.ts';
import { requireNoCircle } from './dependencies.ts';
import type { PlanFactsReader } from './plan-facts.ts';
import { locatePlanFile, requirePlan } from './plan-location.ts';
import type { PlanModels } from './plan-model.ts';
import type { Plans } from './plans.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  git: Git;
  plans: Pick<Plans, 'inTurn'>;
  planModels: PlanModels;
  facts: PlanFactsReader;
}

/** Null takes away what was said; what is undefined stays. */
interface Changes {
  file?: string | null | undefined;
  command?: string[] | null | undefined;
  base?: string | null | undefined;
  dependsOn?: string[] | null | undefined;
  limits?: LimitsAsked | null | undefined;
}

/** Changes what is written down about plans; a run that is active goes on as it was started. */
export class PlanUpdates {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws NOT_FOUND, INVALID_PARAMS; then nothing has changed. */
  async update(address: Address & { plan: string }, wish: Changes): Promise<Plan> {
    const { registry, repositories, plans, planModels, facts } = this.#parts;
    const repository = await repositories.resolve(address);
    return plans.inTurn(repository, address.plan, async () => {
      const plan = requirePlan(registry, repository, address.plan);
      const changes = await this.#read(repository, plan, wish);
      // At the last moment: other plans are changed meanwhile.
      if (changes.dependsOn) requireNoCircle({ ...plan, ...changes }, registry.plans.of(repository.id));
      if (Object.keys(changes).length > 0) this.#write(repository, plan, changes);
      const now = requirePlan(registry, repository, plan.name);
      await facts.refresh([now], 0);
      return planModels.of(now);
    });
  }

  async #read(repository: RepositoryRow, plan: PlanRow, wish: Changes): Promise<Partial<PlanRow>> {
    const { registry, git } = this.#parts;
    const { file, command, base, dependsOn, limits } = wish;
    if (base === plan.branch) throw ownBase(plan);
    if (typeof base === 'string') await requireBase(git, repository, base);
    const located = typeof file === 'string' ? await locatePlanFile(registry, repository, file) : file;
    return {
      ...(located !== undefined && { file: located }),
      ...(command !== undefined && { command: command ?? [] }),
      ...(base !== undefined && { base }),
      ...(dependsOn !== undefined && { dependsOn: [...new Set(dependsOn ?? [])] }),
      ...(limits !== undefined && { limits: limits && combineLimits(plan.limits, limits) }),
    };
  }

  #write(repository: RepositoryRow, plan: PlanRow, changes: Partial<PlanRow>): void {
    const { registry } = this.#parts;
    const worktree = plan.worktreeId === null ? undefined : registry.worktrees.get(plan.worktreeId);
    registry.change((tell) => {
      registry.plans.update(plan.id, changes);
      // What it is merged into is what its worktree is compared with.
      if (changes.base !== undefined && worktree?.kind === 'plan') {
        registry.worktrees.update(worktree.id, { base: changes.base });
      }
      tell({ type: 'plan.updated', repository: repository.name, plan: plan.name, data: changes });
    });
  }
}

const ownBase = ({ name, branch }: PlanRow): WtdError =>
  new WtdError('INVALID_PARAMS', `base: ${branch} is the branch of plan ${name} itself`, {
    hint: 'name the branch that it is to be merged into',
    issues: [{ path: 'base', message: 'must be another branch' }],
  });
