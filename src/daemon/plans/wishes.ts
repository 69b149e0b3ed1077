import type { Clock } from '../../base/clock.ts';
import type { WtdError } from '../../contract/errors.ts';
import type { LimitsAsked } from '../../contract/models.ts';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow, RunRow, WorktreeRow } from '../registry/rows.ts';
import type { RepositorySettings, Settings } from '../repositories/settings.ts';
import { combineLimits, configuredLimits, effectiveLimits, type RunLimits } from '../runs/limits.ts';
import { requireBase } from '../worktrees/base.ts';
import type { GivenWorktrees } from './given-worktree.ts';
import { newPlan } from './new-plan.ts';
import { locatePlanFile } from './plan-location.ts';
import { duplicateRun } from './refusals.ts';

interface Parts {
  registry: Registry;
  settings: RepositorySettings;
  configuration: Configuration;
  git: Git;
  clock: Clock;
  givenWorktrees: GivenWorktrees;
}

export interface Wish {
  name: string;
  base?: string | undefined;
  file?: string | undefined;
  /** One that is there, which the plan shall have. */
  worktree?: string | undefined;
  command?: string[] | undefined;
  limits?: LimitsAsked | undefined;
}

/** A plan as it shall be, and what a run of it may use. */
interface Described {
  plan: PlanRow;
  limits: RunLimits;
}

/** What somebody wants of a plan, and what its repository and the configuration say where they are silent. */
export class Wishes {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  commandFor(repository: RepositoryRow, wish: Wish): string[] {
    if (wish.command) return wish.command;
    const known = this.#parts.registry.plans.byName(repository.id, wish.name)?.command ?? [];
    return known.length > 0 ? known : (this.#parts.configuration.current.orchestrator.command ?? []);
  }

  /** Everything that can be wrong with the wish is refused here. */
  async describe(repository: RepositoryRow, wish: Wish & { command: string[] }): Promise<Described> {
    const { registry, settings, configuration, clock, givenWorktrees } = this.#parts;
    const known = registry.plans.byName(repository.id, wish.name);
    const said = await settings.of(repository);
    const file =
      wish.file === undefined ? (known?.file ?? null) : await locatePlanFile(registry, repository, wish.file);
    const given = wish.worktree === undefined ? undefined : givenWorktrees.find(repository, wish.worktree);
    const base = await this.#baseFor(repository, wish, { ...said, given });
    const active = known && registry.runs.activeOf(known.id);
    if (active) throw this.#duplicate(repository, { plan: known, run: active });
    if (!given && this.#needsWorktree(known)) await settings.requireTrusted(repository);
    const { name } = wish;
    const branch = `${said.worktrees.branch_prefix}${name}`;
    const plan = known
      ? begunAgain(known)
      : newPlan({ repositoryId: repository.id, name, branch, base, now: clock.now() });
    const limits = combineLimits(plan.limits, wish.limits);
    const wanted = { ...plan, base, file, command: wish.command, limits };
    const placed = given ? await givenWorktrees.give(repository, given, wanted) : wanted;
    const configured = configuredLimits({ ...configuration.current, worktrees: said.worktrees });
    return { plan: placed, limits: effectiveLimits(limits, configured) };
  }

  /** What can be refused before a run that is there is stopped for a new one. */
  async check(repository: RepositoryRow, wish: Wish): Promise<void> {
    const { registry, settings } = this.#parts;
    await this.#baseFor(repository, wish, await settings.of(repository));
    const known = registry.plans.byName(repository.id, wish.name);
    if (this.#needsWorktree(known)) await settings.requireTrusted(repository);
  }

  #needsWorktree(plan: PlanRow | undefined): boolean {
    const worktree = plan?.worktreeId ?? null;
    return worktree === null || this.#parts.registry.worktrees.get(worktree)?.state !== 'in_use';
  }

  /** A plan that has its worktree needs its base no more, unless another one is asked for. */
  async #baseFor(
    repository: RepositoryRow,
    wish: Wish,
    { worktrees, given }: Settings & { given?: WorktreeRow | undefined },
  ): Promise<string | null> {
    const { registry, git } = this.#parts;
    const known = registry.plans.byName(repository.id, wish.name);
    if (known && known.worktreeId !== null && wish.base === undefined) return known.base;
    return (await requireBase(git, repository, wish.base ?? known?.base ?? given?.base ?? worktrees.base)).base;
  }

  #duplicate(repository: RepositoryRow, { plan, run }: { plan: PlanRow; run: RunRow }): WtdError {
    const id = run.worktreeId ?? plan.worktreeId;
    const worktree = id === null ? undefined : this.#parts.registry.worktrees.get(id);
    return duplicateRun({ repository, plan, run, worktree: worktree?.path ?? null });
  }
}

/** One that had ended begins anew: what was merged is no work of its own any more. */
const begunAgain = (plan: PlanRow): PlanRow =>
  plan.outcome === null
    ? plan
    : {
        ...plan,
        outcome: null,
        baseCommit: plan.outcome.kind === 'merged' ? plan.outcome.tip : plan.baseCommit,
        reported: [],
        progress: null,
      };
