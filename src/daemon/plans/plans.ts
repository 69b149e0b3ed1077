import type { Clock } from '../../base/clock.ts';
import { milliseconds } from '../../base/duration.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import { WtdError } from '../../contract/errors.ts';
import type { LimitsAsked, Plan } from '../../contract/models.ts';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow, RunRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import type { RepositorySettings } from '../repositories/settings.ts';
import type { RunLedger } from '../runs/ledger.ts';
import type { RunDirectories } from '../runs/run-directory.ts';
import type { Pausing } from '../runs/pausing.ts';
import type { Stopping } from '../runs/stopping.ts';
import type { Removal } from '../worktrees/removal.ts';
import { giveContextBack } from '../worktrees/context.ts';
import { requireBase } from '../worktrees/base.ts';
import { requireNoCircle } from './dependencies.ts';
import type { PlanFactsReader } from './plan-facts.ts';
import type { Launcher } from './launcher.ts';
import { newPlan } from './new-plan.ts';
import { locatePlanFile, requirePlan } from './plan-location.ts';
import type { PlanModels } from './plan-model.ts';
import type { RegisterWish, Starter, StartWish } from './starter.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  settings: RepositorySettings;
  removal: Removal;
  starter: Starter;
  launcher: Launcher;
  stopping: Stopping;
  pausing: Pausing;
  ledger: RunLedger;
  directories: RunDirectories;
  facts: PlanFactsReader;
  models: PlanModels;
  configuration: Configuration;
  git: Git;
  clock: Clock;
}

interface Described {
  name: string;
  file?: string | undefined;
  command?: string[] | undefined;
  base?: string | undefined;
  dependsOn?: string[] | undefined;
  limits?: LimitsAsked | undefined;
}

type PlanAddress = Address & { plan: string };

/** Older facts of git are asked for again when somebody looks at plans. */
const factsMaxAgeMs = 500;

/** The plans: named pieces of work, each with its branch, its worktree and its runs. */
export class Plans {
  readonly #parts: Parts;
  /** What changes one plan happens one after the other. */
  readonly #turns = new KeyedMutex();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws ALREADY_EXISTS when there is one of that name. */
  async create(address: Address, described: Described): Promise<Plan> {
    const { registry, repositories, settings, git, clock } = this.#parts;
    const repository = await repositories.resolve(address);
    return this.inTurn(repository, described.name, async () => {
      if (registry.plans.byName(repository.id, described.name)) throw exists(described.name);
      const { name, command = [], dependsOn = [] } = described;
      const file = described.file === undefined ? null : await locatePlanFile(registry, repository, described.file);
      const { worktrees } = await settings.of(repository);
      const { base } = await requireBase(git, repository, described.base ?? worktrees.base);
      const branch = `${worktrees.branch_prefix}${name}`;
      const bare = newPlan({ repositoryId: repository.id, name, branch, base, now: clock.now() });
      const plan: PlanRow = { ...bare, file, command, dependsOn, limits: described.limits ?? null };
      requireNoCircle({ name, dependsOn }, registry.plans.of(repository.id));
      repositories.keep(repository);
      faultPoint('plan: repository written');
      registry.change((tell) => {
        registry.plans.insert(plan);
        tell({ type: 'plan.created', repository: repository.name, plan: name, data: { branch: plan.branch } });
      });
      faultPoint('plan: row written');
      return this.#parts.models.of(plan);
    });
  }

  async list(address: Address): Promise<Plan[]> {
    const { registry, repositories } = this.#parts;
    const repository = await repositories.findForList(address);
    const plans = repository ? registry.plans.of(repository.id) : registry.plans.list();
    await this.#parts.facts.refresh(plans, factsMaxAgeMs);
    return plans.map((plan) => this.#parts.models.of(plan));
  }

  async show(address: PlanAddress): Promise<Plan> {
    const { plan } = await this.#require(address);
    await this.#parts.facts.refresh([plan], factsMaxAgeMs);
    return this.#parts.models.of(plan);
  }

  async start(address: Address, wish: StartWish): Promise<RunRow> {
    const repository = await this.#parts.repositories.resolve(address);
    return this.inTurn(repository, wish.name, () => this.#parts.starter.start(repository, wish));
  }

  async register(address: Address, wish: RegisterWish): ReturnType<Starter['register']> {
    const repository = await this.#parts.repositories.resolve(address);
    return this.inTurn(repository, wish.name, () => this.#parts.starter.register(repository, wish));
  }

  /** Answers the ended run when its whole process tree is gone. */
  async stop(
    address: PlanAddress,
    options: { graceMs?: number | undefined; force?: boolean | undefined },
  ): Promise<RunRow> {
    const { plan } = await this.#require(address);
    const run = this.#parts.registry.runs.latestOf(plan.id);
    if (!run) throw neverRan(plan.name);
    return this.stopRun(run.id, options);
  }

  async stopRun(run: string, options: { graceMs?: number | undefined; force?: boolean | undefined }): Promise<RunRow> {
    const { launcher, stopping, configuration } = this.#parts;
    await launcher.settled(run);
    const graceMs = options.graceMs ?? milliseconds(configuration.current.orchestrator.shutdown_timeout);
    const isGraceAsked = options.graceMs !== undefined;
    return stopping.stop(run, { graceMs, isGraceAsked, force: options.force ?? false });
  }

  /** Answers the run when nothing of its process tree runs any more. */
  async pause(address: PlanAddress): Promise<RunRow> {
    const { id } = await this.requireRun(address);
    await this.#parts.launcher.settled(id);
    return this.#parts.pausing.pause(id);
  }

  /** Answers the run once its process tree goes on. */
  async resume(address: PlanAddress): Promise<RunRow> {
    const { id } = await this.requireRun(address);
    return this.#parts.pausing.resume(id);
  }

  /** Stops the run if there is one, then starts the plan again with the command of its last run. */
  async restart(
    address: PlanAddress,
    options: { graceMs?: number | undefined; env?: Record<string, string> | undefined },
  ): Promise<RunRow> {
    const { plan, repository } = await this.#require(address);
    const { registry, starter } = this.#parts;
    const last = registry.runs.latestOf(plan.id);
    const command = last?.kind === 'supervised' ? last.command : undefined;
    const wish = { name: plan.name, command, env: options.env };
    await starter.check(repository, wish);
    if (last) await this.stopRun(last.id, { graceMs: options.graceMs });
    return this.inTurn(repository, plan.name, () => starter.start(repository, wish));
  }

  /** The run that is meant: the one with this id, or the last one of the plan. */
  async requireRun(wanted: Address & { plan?: string | undefined; run?: string | undefined }): Promise<RunRow> {
    const { registry, ledger } = this.#parts;
    if (wanted.run !== undefined) return ledger.require(wanted.run);
    if (wanted.plan === undefined) throw neitherPlanNorRun();
    const { plan } = await this.#require({ ...wanted, plan: wanted.plan });
    const run = registry.runs.latestOf(plan.id);
    if (run) return run;
    throw neverRan(plan.name);
  }

  /** Forgets a plan and takes its worktree away. Throws UNSAFE with everything that would be lost. */
  async remove(address: PlanAddress): Promise<void> {
    const { plan, repository } = await this.#require(address);
    await this.inTurn(repository, plan.name, () =>
      this.#remove(repository, requirePlan(this.#parts.registry, repository, plan.name)),
    );
  }

  async #remove(repository: RepositoryRow, plan: PlanRow): Promise<void> {
    const { registry, removal, directories, facts, git } = this.#parts;
    const active = registry.runs.activeOf(plan.id);
    const worktree = plan.worktreeId === null ? undefined : registry.worktrees.get(plan.worktreeId);
    // One that was there before the plan outlives it.
    if (worktree?.kind === 'plan' && worktree.state !== 'removed')
      await removal.remove(repository, worktree, { activeRun: active?.id ?? null, reason: 'plan removed' });
    else if (active) throw stillActive(plan, active);
    else if (worktree?.state === 'in_use') await giveContextBack(git, worktree.path).catch(() => undefined); // or it is missing
    // First, so that a directory without a row is never one that is about to go.
    for (const { id } of registry.runs.ofPlan(plan.id)) {
      await directories.remove(id);
      faultPoint('remove: directory removed');
    }
    registry.change((tell) => {
      registry.plans.delete(plan.id);
      tell({ type: 'plan.removed', repository: repository.name, plan: plan.name, data: { branch: plan.branch } });
    });
    faultPoint('remove: plan deleted');
    facts.forget(plan.id);
  }

  async #require(address: PlanAddress): Promise<{ plan: PlanRow; repository: RepositoryRow }> {
    const repository = await this.#parts.repositories.resolve(address);
    return { repository, plan: requirePlan(this.#parts.registry, repository, address.plan) };
  }

  /** For whoever else changes a plan, or takes its worktree away. */
  inTurn<T>(repository: RepositoryRow, plan: string, task: () => Promise<T>): Promise<T> {
    return this.#turns.run(`${repository.commonDir}\0${plan}`, task);
  }
}

const exists = (name: string): WtdError =>
  new WtdError('ALREADY_EXISTS', `there is a plan ${name} already`, {
    hint: `see \`wtd plan show ${name}\`, or choose another name`,
    kind: 'plan',
    name,
  });

const neverRan = (name: string): WtdError =>
  new WtdError('INVALID_STATE', `plan ${name} has never run`, {
    hint: `start it with \`wtd start ${name} -- <command>\``,
    state: 'idle',
    allowed: ['a plan with a run'],
  });

const neitherPlanNorRun = (): WtdError =>
  new WtdError('INVALID_PARAMS', 'plan: give a plan or a run', {
    hint: 'name a plan, or a run with --run',
    issues: [{ path: 'plan', message: 'is required unless run is given' }],
  });

const stillActive = (plan: PlanRow, run: RunRow): WtdError =>
  new WtdError('UNSAFE', `plan ${plan.name} is ${run.state}`, {
    hint: `end its run first with \`wtd stop ${plan.name}\``,
    blockers: [{ code: 'active_run', message: `run ${run.id} is ${run.state}` }],
  });
