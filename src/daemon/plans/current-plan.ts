import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { WtdError } from '../../contract/errors.ts';
import type { Plan } from '../../contract/models.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow } from '../registry/rows.ts';
import type { Repositories } from '../repositories/repositories.ts';
import type { PlanFactsReader } from './plan-facts.ts';
import { requirePlan } from './plan-location.ts';
import type { PlanModels } from './plan-model.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  facts: PlanFactsReader;
  planModels: PlanModels;
}

/** Where somebody is: what a run is told about itself, and the directory. */
interface Whereabouts {
  cwd?: string | undefined;
  env?: Readonly<Partial<Record<'WTD_PLAN' | 'WTD_REPOSITORY' | 'CLAUDE_WORKTREE', string | undefined>>> | undefined;
}

/** Older facts of git are asked for again. */
const factsMaxAgeMs = 500;

/** Which plan somebody is in. */
export class CurrentPlan {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws NOT_FOUND, or AMBIGUOUS when only the repository tells and several plans of it are open. */
  async find({ cwd, env = {} }: Whereabouts): Promise<Plan> {
    const { facts, planModels } = this.#parts;
    const plan = (await this.#byEnvironment(env)) ?? (await this.#byWorktree(cwd));
    if (!plan) return this.#onlyOpen(cwd);
    await facts.refresh([plan], factsMaxAgeMs);
    return planModels.of(plan);
  }

  /** What a run was told is never guessed at: a plan that is gone is not mistaken for another one. */
  async #byEnvironment(env: NonNullable<Whereabouts['env']>): Promise<PlanRow | undefined> {
    const { registry, repositories } = this.#parts;
    const { WTD_PLAN: name, WTD_REPOSITORY: repository, CLAUDE_WORKTREE: worktree } = env;
    if (name && repository) return requirePlan(registry, await repositories.require({ repository }), name);
    return worktree && isAbsolute(worktree) ? this.#byWorktree(worktree) : undefined;
  }

  /** Of the nearest directory above that is a worktree; its path is known without links. */
  async #byWorktree(path: string | undefined): Promise<PlanRow | undefined> {
    const { registry } = this.#parts;
    if (path === undefined) return undefined;
    let directory = await realpath(path).catch(() => path);
    while (directory !== dirname(directory)) {
      const worktree = registry.worktrees.byPath(directory);
      if (worktree) return registry.plans.byWorktree(worktree.id);
      directory = dirname(directory);
    }
    return undefined;
  }

  async #onlyOpen(cwd: string | undefined): Promise<Plan> {
    const { registry, repositories, facts, planModels } = this.#parts;
    const repository = cwd === undefined ? undefined : await repositories.findForList({ cwd });
    if (!repository) throw none(cwd === undefined ? 'no directory was given' : `${cwd} is in no repository with plans`);
    const rows = registry.plans.of(repository.id);
    await facts.refresh(rows, factsMaxAgeMs);
    const open = rows
      .map((row) => planModels.of(row))
      .filter(({ state }) => state !== 'completed' && state !== 'abandoned');
    const [only] = open;
    if (only && open.length === 1) return only;
    if (!only) throw none(`${repository.name} has no plan that is neither completed nor abandoned`);
    throw new WtdError('AMBIGUOUS', `several plans of ${repository.name} are open: ${listNames(open)}`, {
      hint: 'go into the worktree of one, or name it: `wtd plan show <plan>`',
      candidates: open.map(({ name, state }) => ({
        plan: name,
        repository: repository.name,
        confidence: 'low',
        reason: state,
      })),
    });
  }
}

const mostNamed = 10;

function listNames(plans: readonly Plan[]): string {
  const names = plans.slice(0, mostNamed).map(({ name }) => name);
  return plans.length > mostNamed ? `${names.join(', ')} and ${plans.length - mostNamed} more` : names.join(', ');
}

const none = (why: string): WtdError =>
  new WtdError('NOT_FOUND', `no plan is here: ${why}`, {
    hint: 'go into the worktree of a plan; see `wtd plan list`, or start one with `wtd start <plan> -- <command>`',
    kind: 'plan',
    name: '',
  });
