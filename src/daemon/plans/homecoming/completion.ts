import { KeyedMutex } from '../../../base/mutex.ts';
import { UnderWay } from '../../../base/under-way.ts';
import type { Result } from '../../../contract/index.ts';
import type { MergeStrategy } from '../../../contract/models.ts';
import { faultPoint } from '../../../base/fault-point.ts';
import type { Git } from '../../git/git.ts';
import { findBlob, readBlob, sizeOfBlob } from '../../git/questions.ts';
import { TrialObjects } from '../../git/trial-merges.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../../registry/rows.ts';
import type { Address, Repositories } from '../../repositories/repositories.ts';
import type { RepositorySettings, Settings } from '../../repositories/settings.ts';
import { freeArchiveTag } from './archive-tag.ts';
import type { Completing, CompletionIntent, Settled } from './completing.ts';
import { lookAtCompletion, requireTarget, type About, type Look } from './completion-look.ts';
import { completionMessage, titleOf } from './completion-message.ts';
import { planSteps, type Decided, type Step } from './completion-plan.ts';
import { refusalOf, targetMoves, unsettled } from './completion-refusals.ts';
import { findDependants, type Dependant } from './dependants.ts';
import { Foreseen } from './foreseen.ts';
import { identityIn, makeMergedCommit } from './merged-commit.ts';
import type { PlanFactsReader } from '../plan-facts.ts';
import { requirePlan } from '../plan-location.ts';
import type { PlanModels } from '../plan-model.ts';
import type { Plans } from '../plans.ts';
import type { PullRequests } from './pull-request.ts';
import type { Verification } from './verification.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  settings: RepositorySettings;
  git: Git;
  plans: Plans;
  facts: PlanFactsReader;
  planModels: PlanModels;
  pullRequests: PullRequests;
  completing: Completing;
  verification: Verification;
  /** Where objects of merges lie that are only tried. */
  trials: string;
}

/** How a plan is to come home; what is left out is as configured. */
export interface CompletionWish {
  strategy?: MergeStrategy | undefined;
  dryRun?: boolean | undefined;
  verify?: boolean | undefined;
  keepWorktree?: boolean | undefined;
  deleteBranch?: boolean | undefined;
  /** Opens a pull request instead. */
  pr?: boolean | undefined;
  env?: Record<string, string> | undefined;
  /** For a dry run of several: what those before this one changed. */
  foreseen?: Foreseen;
}

type Answer = Result<'plan.complete'>;

/** All that was found out and settled before anything is done. */
interface Decision extends About {
  look: Look;
  decided: Decided;
  settings: Settings;
  wish: CompletionWish;
}

/** Whoever moves a branch more often while a plan waits for it is busy with it. */
const mostTries = 5;
/** A larger file is no plan. */
const mostPlanBytes = 1_000_000;

/** Merges finished plans into their bases, one after the other for each of these. */
export class Completion {
  readonly #parts: Parts;
  /** One queue for each target. Whoever waits in one has its plan's turn; nobody in one waits for another turn. */
  readonly #queues = new KeyedMutex();
  readonly #underWay = new UnderWay();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  isUnderWay(plan: string): boolean {
    return this.#underWay.has(plan);
  }

  /**
   * Throws UNSAFE with all that stands in the way, CONFLICT or INVALID_STATE where that is the only thing, UNTRUSTED, and
   * INVALID_STATE or SPAWN_FAILED when the merged tree does not stand the test; then nothing has changed.
   */
  async complete(address: Address & { plan: string }, wish: CompletionWish): Promise<Answer> {
    const { registry, repositories, plans } = this.#parts;
    const repository = await repositories.resolve(address);
    requirePlan(registry, repository, address.plan);
    return plans.inTurn(repository, address.plan, async () => {
      const plan = requirePlan(registry, repository, address.plan);
      const how = { home: wish.foreseen?.home, isElsewhere: wish.pr === true };
      const about = { repository, plan, into: await requireTarget(this.#parts, { repository, plan }, how) };
      if (wish.pr === true) return this.#request(about, wish);
      if (wish.dryRun === true) return this.#foresee(about, wish);
      return this.#queues.run(`${repository.commonDir}\0${about.into}`, () =>
        this.#underWay.during(plan.id, () => this.#complete(about, wish)),
      );
    });
  }

  /** What an earlier daemon began with a plan is brought to its end, or taken back; undefined: nothing is begun. */
  async settle(repository: RepositoryRow, id: string): Promise<Settled | undefined> {
    const { registry, plans, completing } = this.#parts;
    const name = registry.plans.get(id)?.name ?? '';
    return plans.inTurn(repository, name, async () => {
      const plan = registry.plans.get(id);
      if (plan?.intent?.kind !== 'complete') return undefined;
      const settled = await completing.settle(repository, plan, plan.intent);
      await this.#lookAgain(id);
      return settled;
    });
  }

  /** Before anybody asks: what is known of it is from before. */
  async #lookAgain(id: string): Promise<void> {
    const plan = this.#parts.registry.plans.get(id);
    if (plan) await this.#parts.facts.refresh([plan], 0);
  }

  /** The same up to the first change, in objects that nobody keeps. */
  async #foresee(about: About, wish: CompletionWish): Promise<Answer> {
    const { trials } = this.#parts;
    await using alone = new Foreseen();
    const foreseen = wish.foreseen ?? alone;
    const objects = await foreseen.objects(trials, about.repository.commonDir);
    const decision = await this.#decide(about, { ...wish, foreseen }, objects);
    const commit = await this.#commit(decision, { ...objects.env });
    foreseen.home.set(about.plan.name, about.into);
    foreseen.tips.set(about.into, commit);
    const dependants = await findDependants(this.#parts, { ...about, commit, objects });
    return answerOf(decision, { state: 'planned', commit: null, dependants, warnings: [] });
  }

  /** What stands in the way of the merge stands in the way of asking others for it. */
  async #request(about: About, wish: CompletionWish): Promise<Answer> {
    const { pullRequests, trials } = this.#parts;
    const { repository, plan } = about;
    await using objects = await TrialObjects.open(trials, repository.commonDir);
    const decision = await this.#decide(about, { ...wish, verify: false, strategy: 'merge' }, objects);
    const { steps, pr } = await pullRequests.open(about, wish);
    const state = pr === null ? 'planned' : 'requested';
    const answer = answerOf(decision, { state, commit: null, dependants: [], warnings: [] });
    const told = steps.map((detail) => ({ plan: plan.name, kind: 'pull_request' as const, detail }));
    return {
      ...answer,
      steps: told,
      archive: null,
      plans: answer.plans.map((each) => ({ ...each, archive: null })),
      pr,
    };
  }

  async #complete(about: About, wish: CompletionWish): Promise<Answer> {
    const { repository, plan, into } = about;
    const { completing, trials, registry } = this.#parts;
    const { intent } = registry.plans.get(plan.id) ?? plan;
    // What was begun and could not be settled is brought to its end first: its tag and its target are in the intent.
    if (intent?.kind === 'complete') {
      const { state } = await completing.settle(repository, plan, intent);
      if (state === 'unknown') throw unsettled(plan, intent.into);
    }
    await using objects = await TrialObjects.open(trials, repository.commonDir);
    for (let tries = 1; tries <= mostTries; tries += 1) {
      const decision = await this.#decide(about, wish, objects);
      const commit = await this.#commit(decision, {});
      faultPoint('complete: merged');
      await this.#verify(decision, commit);
      faultPoint('complete: verified');
      const done = await completing.carryOut(repository, plan, intentOf(decision, commit));
      if (done === undefined) continue;
      await this.#lookAgain(plan.id);
      const dependants = await findDependants(this.#parts, { repository, plan, into, commit, objects });
      return answerOf(decision, { state: 'merged', commit, dependants, ...done });
    }
    throw targetMoves(into);
  }

  async #decide(about: About, wish: CompletionWish, objects: TrialObjects): Promise<Decision> {
    const { settings: all, git } = this.#parts;
    const { repository, plan, into } = about;
    const settings = await all.of(repository);
    const { completion, worktrees } = settings;
    const strategy = wish.strategy ?? completion.merge_strategy;
    const verify = wish.verify === false ? [] : completion.verify;
    if (verify.length > 0) await all.requireTrusted(repository);
    const foreseen = wish.foreseen ?? new Foreseen();
    const look = await lookAtCompletion(this.#parts, about, {
      strategy,
      objects,
      foreseen,
      isElsewhere: wish.pr === true,
    });
    const refusal = refusalOf({ plan, into, blockers: look.blockers, conflicts: look.merge.conflicts });
    if (refusal) throw refusal;
    const { tip, from, checkout, worktree } = look;
    const isKept = wish.keepWorktree ?? !worktrees.cleanup_policy.cleanup_on_complete;
    const decided: Decided = {
      plan: plan.name,
      branch: plan.branch,
      ...{ tip, from, into, strategy, checkout, verify },
      archive: completion.archive ? await freeArchiveTag(git, repository.commonDir, plan.branch) : null,
      worktree: worktree?.kind === 'plan' && !isKept ? worktree.path : null,
      deleteBranch: wish.deleteBranch === true,
    };
    return { ...about, look, decided, settings, wish };
  }

  async #commit({ repository, plan, decided, wish }: Decision, env: Record<string, string>): Promise<string> {
    const { git, facts, registry } = this.#parts;
    const { from, tip, strategy } = decided;
    const message = completionMessage({
      plan: plan.name,
      strategy,
      title: await this.#titleOf(repository, plan, tip),
      file: plan.file,
      progress: facts.progress.of(plan.id),
      run: registry.runs.latestOf(plan.id)?.id ?? null,
    });
    return makeMergedCommit(git, repository, {
      from,
      tip,
      strategy,
      message,
      env: { ...identityIn(wish.env), ...env },
      trials: this.#parts.trials,
    });
  }

  async #titleOf({ commonDir }: RepositoryRow, { file }: PlanRow, tip: string): Promise<string | null> {
    const { git } = this.#parts;
    const blob = file === null ? undefined : await findBlob(git, commonDir, `${tip}:${file}`);
    if (blob === undefined || (await sizeOfBlob(git, commonDir, blob)) > mostPlanBytes) return null;
    return titleOf(await readBlob(git, commonDir, blob));
  }

  async #verify({ repository, plan, into, decided, settings, wish }: Decision, commit: string): Promise<void> {
    if (decided.verify.length === 0) return;
    const { verify: commands, timeout } = settings.completion;
    await this.#parts.verification.verify(repository, { plan, into, commit, commands, timeout, env: wish.env });
  }
}

function intentOf({ decided, plan }: Decision, commit: string): CompletionIntent {
  const { tip, into, from, strategy, archive, worktree, deleteBranch } = decided;
  const keepWorktree = plan.worktreeId !== null && worktree === null;
  return { kind: 'complete', tip, into, from, commit, strategy, archive, keepWorktree, deleteBranch };
}

function answerOf(
  { decided }: Decision,
  done: {
    state: 'merged' | 'planned' | 'requested';
    commit: string | null;
    dependants: Dependant[];
    warnings: string[];
  },
): Answer {
  const { plan, into, strategy, archive } = decided;
  const { state, commit, dependants, warnings } = done;
  const steps: Step[] = planSteps(decided);
  const plans = [{ plan, state, into, commit, archive, error: null }];
  return { merged: state === 'merged', into, commit, strategy, steps, dependants, archive, plans, warnings, pr: null };
}
