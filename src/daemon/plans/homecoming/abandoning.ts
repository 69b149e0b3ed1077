import type { Clock } from '../../../base/clock.ts';
import { faultPoint } from '../../../base/fault-point.ts';
import type { UnderWay } from '../../../base/under-way.ts';
import { WtdError } from '../../../contract/errors.ts';
import type { Plan } from '../../../contract/models.ts';
import type { Git } from '../../git/git.ts';
import { findCommit, isAncestor, listWorktrees } from '../../git/questions.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import type { Address, Repositories } from '../../repositories/repositories.ts';
import { deleteBranchAt } from '../../worktrees/empty-branch.ts';
import { isMissing } from '../../worktrees/entry.ts';
import { findBase } from '../../worktrees/merging.ts';
import type { Removal } from '../../worktrees/removal.ts';
import type { Blocker } from '../../worktrees/safety.ts';
import type { Snapshots } from '../../worktrees/snapshots/snapshots.ts';
import { keepByTag } from './archive-tag.ts';
import type { PlanFactsReader } from '../plan-facts.ts';
import { requirePlan } from '../plan-location.ts';
import type { PlanModels } from '../plan-model.ts';
import { worktreeOf } from '../plan-worktree.ts';
import type { Plans } from '../plans.ts';
import { cameHome } from './rebase-refusals.ts';
import { settleInTurn } from './settling.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  git: Git;
  clock: Clock;
  plans: Pick<Plans, 'inTurn' | 'stopRun'>;
  planModels: PlanModels;
  facts: PlanFactsReader;
  removal: Removal;
  snapshots: Snapshots;
  underWay: UnderWay;
}

/** Gives plans up without losing what is in them. */
export class Abandoning {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws INVALID_STATE when it has ended already, UNSAFE with everything in the way; then nothing has changed. */
  async abandon(
    address: Address & { plan: string },
    { force = false }: { force?: boolean | undefined },
  ): Promise<Plan> {
    const { registry, repositories, plans, planModels, underWay } = this.#parts;
    const repository = await repositories.resolve(address);
    return plans.inTurn(repository, address.plan, async () => {
      const plan = requirePlan(registry, repository, address.plan);
      await this.#requireUnfinished(plan);
      const worktree = worktreeOf(registry, plan);
      const blockers = await this.#blockersOf(repository, plan, worktree);
      if (blockers.length > 0 && !force) throw inTheWay(plan, blockers);
      await underWay.during(plan.id, async () => {
        if (worktree?.kind === 'plan') await this.#removeWorktree(repository, { plan, worktree, force });
        else await this.#leaveWorktree(repository, plan, worktree);
        faultPoint('abandon: worktree gone');
        await this.#finish(repository, plan);
      });
      return planModels.of(requirePlan(registry, repository, plan.name));
    });
  }

  /** After a death of the daemon: a worktree that is still there means that nothing has happened yet. */
  async settle(repository: RepositoryRow, name: string): Promise<void> {
    await settleInTurn(this.#parts, { repository, name }, async (plan) => {
      if (plan.intent?.kind !== 'abandon') return;
      const worktree = worktreeOf(this.#parts.registry, plan);
      if (worktree?.kind !== 'plan') await this.#finish(repository, plan);
      else if (worktree.state !== 'cleaning') this.#intend(plan, null);
    });
  }

  async #requireUnfinished(plan: PlanRow): Promise<void> {
    const { facts, planModels } = this.#parts;
    await facts.refresh([plan], 0);
    const { state } = planModels.of(plan);
    if (state === 'completed' || state === 'abandoned') throw cameHome(plan, state, 'abandon');
  }

  /** In a worktree that stays nothing is lost. */
  async #blockersOf(repository: RepositoryRow, plan: PlanRow, worktree: WorktreeRow | undefined): Promise<Blocker[]> {
    const { registry, removal } = this.#parts;
    const active = registry.runs.activeOf(plan.id);
    if (worktree?.kind === 'plan') {
      const wish = { activeRun: active?.id ?? null, dryRun: true };
      return (await removal.remove(repository, worktree, wish)).blockers;
    }
    return active ? [{ code: 'active_run', message: `run ${active.id} is ${active.state}` }] : [];
  }

  /** After a snapshot. What refuses to go leaves the plan as it was. */
  async #removeWorktree(
    repository: RepositoryRow,
    { plan, worktree, force }: { plan: PlanRow; worktree: WorktreeRow; force: boolean },
  ): Promise<void> {
    const { registry, removal } = this.#parts;
    const tip = (await this.#tipOf(repository, plan)) ?? null;
    this.#intend(plan, { kind: 'abandon', tip, archive: null });
    faultPoint('abandon: intent written');
    const activeRun = registry.runs.activeOf(plan.id)?.id ?? null;
    try {
      await removal.remove(repository, worktree, { activeRun, force, declared: 'abandoned', reason: 'plan abandoned' });
    } catch (error) {
      // One that is about to go still goes, and the plan with it.
      if (registry.worktrees.get(worktree.id)?.state !== 'cleaning') this.#intend(plan, plan.intent);
      throw error;
    }
  }

  /** One that was given to the plan outlives it. */
  async #leaveWorktree(repository: RepositoryRow, plan: PlanRow, worktree: WorktreeRow | undefined): Promise<void> {
    const { registry, plans, snapshots } = this.#parts;
    const active = registry.runs.activeOf(plan.id);
    if (active) await plans.stopRun(active.id, {});
    if (worktree && !(await isMissing(worktree.path))) await snapshots.take(repository, worktree, 'plan abandoned');
    const tip = (await this.#tipOf(repository, plan)) ?? null;
    this.#intend(plan, { kind: 'abandon', tip, archive: null });
    faultPoint('abandon: intent written');
  }

  #intend(plan: PlanRow, intent: PlanRow['intent']): void {
    const { registry } = this.#parts;
    registry.change(() => {
      registry.plans.update(plan.id, { intent });
    });
  }

  /** The tag, the branch, the row: each can be done again. */
  async #finish(repository: RepositoryRow, { id }: PlanRow): Promise<void> {
    const { registry, git, clock, facts } = this.#parts;
    const plan = registry.plans.get(id);
    if (plan?.intent?.kind !== 'abandon') return;
    const worktree = plan.worktreeId === null ? undefined : registry.worktrees.get(plan.worktreeId);
    const isGiven = worktree !== undefined && worktree.kind !== 'plan';
    const { archive, branchDeleted, tip } = await git.locked(repository.commonDir, () =>
      this.#putBranchAway(repository, plan, isGiven),
    );
    const snapshot = worktree?.snapshotId ?? null;
    const outcome = { kind: 'abandoned' as const, tip: tip ?? plan.intent.tip, archive, snapshot, at: clock.now() };
    registry.change((tell) => {
      registry.plans.update(id, { outcome, intent: null, ...(isGiven && { worktreeId: null }) });
      const data = { archive, snapshot, branchDeleted };
      tell({ type: 'plan.abandoned', repository: repository.name, plan: plan.name, data });
    });
    faultPoint('abandon: recorded');
    await facts.refresh([registry.plans.get(id) ?? plan], 0);
  }

  /** A tag keeps commits of its own. The branch stays where it is still used, or was there before the plan. */
  async #putBranchAway(repository: RepositoryRow, plan: PlanRow, isGiven: boolean) {
    const { registry, git } = this.#parts;
    const { commonDir, defaultBranch } = repository;
    const { branch } = plan;
    const tip = await this.#tipOf(repository, plan);
    // One that is gone went after it was tagged.
    const tagged = plan.intent?.kind === 'abandon' ? plan.intent.archive : null;
    if (tip === undefined) return { archive: tagged, branchDeleted: plan.baseCommit !== null, tip };
    const base = plan.base ?? defaultBranch;
    const baseTip = base === null ? undefined : await findBase(git, commonDir, base);
    const isBeyond = baseTip === undefined || !(await isAncestor(git, commonDir, { tip, base: baseTip }));
    const archive = isBeyond ? await keepByTag(git, commonDir, { branch, tip }) : null;
    this.#intend(plan, { kind: 'abandon', tip, archive });
    faultPoint('abandon: archived');
    const isCheckedOut = (await listWorktrees(git, commonDir)).some((listed) => listed.branch === branch);
    const isBase = registry.plans.of(repository.id).some((other) => other.base === branch && other.outcome === null);
    const isNeeded = isGiven || isCheckedOut || isBase || branch === defaultBranch;
    const branchDeleted = !isNeeded && (await deleteBranchAt(git, commonDir, { branch, commit: tip }));
    faultPoint('abandon: branch deleted');
    return { archive, branchDeleted, tip };
  }

  #tipOf({ commonDir }: RepositoryRow, { branch }: PlanRow): Promise<string | undefined> {
    return findCommit(this.#parts.git, commonDir, `refs/heads/${branch}`);
  }
}

const inTheWay = ({ name }: PlanRow, blockers: Blocker[]): WtdError =>
  new WtdError('UNSAFE', `plan ${name} cannot be abandoned: ${blockers.map(({ message }) => message).join(', ')}`, {
    hint: `see to each of these, or \`wtd abandon ${name} --force\`, which keeps a snapshot of everything`,
    blockers,
  });
