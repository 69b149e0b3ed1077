import { setTimeout as sleep } from 'node:timers/promises';
import { faultPoint } from '../../../base/fault-point.ts';
import type { UnderWay } from '../../../base/under-way.ts';
import { WtdError } from '../../../contract/errors.ts';
import type { Result } from '../../../contract/index.ts';
import type { Git } from '../../git/git.ts';
import type { Conflict } from '../../git/merge-tree.ts';
import { findCommit, isAncestor } from '../../git/questions.ts';
import { abortRebase, callersEnvironment, findRebase, rebase } from '../../git/rebase.ts';
import { listUnmerged } from '../../git/unmerged.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanIntent, PlanRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import type { Address, Repositories } from '../../repositories/repositories.ts';
import type { RepositorySettings } from '../../repositories/settings.ts';
import { findMarked } from '../../runs/tree.ts';
import { requireBase } from '../../worktrees/base.ts';
import { isMissing } from '../../worktrees/entry.ts';
import type { WorktreeFacts } from '../../worktrees/facts.ts';
import { findBase } from '../../worktrees/merging.ts';
import { inTransition } from '../../worktrees/refusals.ts';
import type { Snapshots } from '../../worktrees/snapshots/snapshots.ts';
import { activeRunIn } from '../../worktrees/users.ts';
import type { PlanFactsReader } from '../plan-facts.ts';
import { requirePlan } from '../plan-location.ts';
import { worktreeOf } from '../plan-worktree.ts';
import type { Plans } from '../plans.ts';
import { findRebaseBlockers } from './rebase-blockers.ts';
import { cameHome, noBranch, noRebase, noWorktree, notAtRest, wouldConflict } from './rebase-refusals.ts';
import { settleInTurn } from './settling.ts';
import { targetOf } from './target.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  settings: RepositorySettings;
  git: Git;
  plans: Pick<Plans, 'inTurn'>;
  facts: PlanFactsReader;
  worktreeFacts: WorktreeFacts;
  snapshots: Snapshots;
  underWay: UnderWay;
}

interface Wish {
  onto?: string | undefined;
  onConflict?: 'undo' | 'keep' | undefined;
  abort?: boolean | undefined;
  env?: Record<string, string> | undefined;
}

type Intent = Extract<PlanIntent, { kind: 'rebase' }>;
type Answer = Result<'plan.rebase'>;

interface Place {
  repository: RepositoryRow;
  plan: PlanRow;
  row: WorktreeRow;
}

/** In the environment of the git that rebases, so that the next daemon knows whether one is still at it. */
const rebaseMark = 'WTD_REBASES_PLAN';
/** The git of a daemon that died goes on by itself; one that takes longer is asked about again later. */
const mostWaits = 20;
const waitMs = 100;

/** Puts the commits of plans onto their moved base, whole or not at all. */
export class Rebasing {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws INVALID_STATE, UNSAFE with everything that is in the way, and CONFLICT; then all is as it was. */
  async rebase(address: Address & { plan: string }, wish: Wish): Promise<Answer> {
    const { registry, repositories, plans } = this.#parts;
    const repository = await repositories.resolve(address);
    return plans.inTurn(repository, address.plan, async () => {
      await this.#settle(repository, requirePlan(registry, repository, address.plan));
      const plan = requirePlan(registry, repository, address.plan);
      if (wish.abort !== true) await this.#requireUnfinished(plan);
      const place = { repository, plan, row: await this.#requireRow(plan) };
      return wish.abort === true ? this.#takeBack(place, wish) : this.#begin(place, wish);
    });
  }

  /** What a daemon that died, or people who go on with a kept rebase by hand, left to be written down. */
  async settle(repository: RepositoryRow, name: string): Promise<void> {
    await settleInTurn(this.#parts, { repository, name }, (plan) => this.#settle(repository, plan));
  }

  async #begin(place: Place, wish: Wish): Promise<Answer> {
    const { registry, git, underWay } = this.#parts;
    const { plan, row, repository } = place;
    const tip = await findCommit(git, repository.commonDir, `refs/heads/${plan.branch}`);
    if (tip === undefined) throw noBranch(plan);
    const { name, commit: onto } = await this.#ontoOf(place, wish.onto);
    const about = { ...place, activeRun: activeRunIn(registry, row)?.id ?? null, tip, onto };
    const blockers = await findRebaseBlockers(git, about);
    if (blockers.length > 0) throw notAtRest(plan, row, blockers);
    if (await isAncestor(git, repository.commonDir, { tip: onto, base: tip })) return { rebased: false, conflicts: [] };
    const upstream = await this.#upstreamOf(place, { tip, onto });
    const intent: Intent = { kind: 'rebase', from: tip, onto, keep: wish.onConflict === 'keep' };
    this.#intend(place, intent);
    faultPoint('rebase: intent written');
    const carryOut = () => this.#carryOut(place, intent, { name, upstream, env: wish.env });
    return underWay.during(plan.id, () => underWay.during(row.id, carryOut));
  }

  /** From here to the change nothing else happens, so nobody can have begun anything in it. */
  #intend({ plan, row }: Place, intent: Intent): void {
    const { registry, underWay } = this.#parts;
    const now = registry.worktrees.get(row.id);
    if (underWay.has(row.id) || now?.state !== 'in_use') throw inTransition(now ?? row);
    registry.change(() => {
      registry.plans.update(plan.id, { intent });
    });
  }

  async #carryOut(
    place: Place,
    intent: Intent,
    { name, upstream, env: callers = {} }: { name: string; upstream: string; env: Wish['env'] },
  ): Promise<Answer> {
    const { git } = this.#parts;
    const env = { ...callersEnvironment(callers), [rebaseMark]: place.plan.id };
    try {
      await rebase(git, place.row.path, { onto: intent.onto, upstream, env });
    } catch (error) {
      const conflicts = await this.#stop(place, intent, env);
      await this.#look(place);
      if (conflicts.length === 0) throw refusalOf(place, error);
      if (!intent.keep) throw wouldConflict(place.plan, name, conflicts);
      return { rebased: false, conflicts };
    }
    faultPoint('rebase: done');
    await this.#record(place, intent);
    return { rebased: true, conflicts: [] };
  }

  /** It did not come to its end: answers the conflicts, and takes it back unless they are to be kept. */
  async #stop({ plan, row }: Place, intent: Intent, env: Record<string, string>): Promise<Conflict[]> {
    const { registry, git } = this.#parts;
    const isStopped = (await findRebase(git, row.path)) !== undefined;
    const conflicts = isStopped ? await listUnmerged(git, row.path) : [];
    faultPoint('rebase: stopped');
    if (conflicts.length > 0 && intent.keep) return conflicts;
    if (isStopped) await abortRebase(git, row.path, env);
    faultPoint('rebase: undone');
    registry.change(() => {
      registry.plans.update(plan.id, { intent: null });
    });
    return conflicts;
  }

  /** What its commits stand on now is where its own begin. */
  async #record({ plan, repository, row }: Omit<Place, 'row'> & { row?: WorktreeRow }, intent: Intent): Promise<void> {
    const { registry, git } = this.#parts;
    const { from, onto } = intent;
    const to = await findCommit(git, repository.commonDir, `refs/heads/${plan.branch}`);
    registry.change((tell) => {
      registry.plans.update(plan.id, { baseCommit: onto, intent: null });
      if (row) registry.worktrees.update(row.id, { baseCommit: onto });
      const about = { repository: repository.name, plan: plan.name, worktree: row?.id ?? null };
      tell({ type: 'plan.rebased', ...about, data: { from, to: to ?? null, onto } });
    });
    faultPoint('rebase: recorded');
    await this.#look({ plan, row });
  }

  async #takeBack(place: Place, { env = {} }: Wish): Promise<Answer> {
    const { registry, git, snapshots, underWay } = this.#parts;
    const { repository, plan, row } = place;
    if (!(await findRebase(git, row.path))) throw noRebase(plan, row);
    const active = activeRunIn(registry, row);
    if (active) throw notAtRest(plan, row, [{ code: 'active_run', message: `run ${active.id} is active in it` }]);
    if (underWay.has(row.id)) throw inTransition(row);
    await underWay.during(row.id, async () => {
      // Somebody may have resolved a part of it.
      await snapshots.take(repository, row, 'rebase taken back');
      await abortRebase(git, row.path, { ...callersEnvironment(env), [rebaseMark]: plan.id });
    });
    if (plan.intent?.kind === 'rebase') {
      registry.change(() => {
        registry.plans.update(plan.id, { intent: null });
      });
    }
    await this.#look(place);
    return { rebased: false, conflicts: [] };
  }

  async #settle(repository: RepositoryRow, plan: PlanRow): Promise<void> {
    const { registry, git } = this.#parts;
    const { intent } = plan;
    if (intent?.kind !== 'rebase' || (await this.#isAtWork(plan))) return;
    const row = worktreeOf(registry, plan);
    const isThere = row !== undefined && !(await isMissing(row.path));
    const found = isThere ? await findRebase(git, row.path) : undefined;
    if (row && found?.from === intent.from && found.onto === intent.onto) {
      if (intent.keep) return;
      await abortRebase(git, row.path, callersEnvironment({}));
    }
    const { commonDir } = repository;
    const tip = await findCommit(git, commonDir, `refs/heads/${plan.branch}`);
    const hasMoved = tip !== undefined && tip !== intent.from;
    if (hasMoved && (await isAncestor(git, commonDir, { tip: intent.onto, base: tip }))) {
      await this.#record({ repository, plan, ...(row && { row }) }, intent);
      return;
    }
    registry.change(() => {
      registry.plans.update(plan.id, { intent: null });
    });
  }

  /** Whether the git of an earlier daemon still rebases. */
  async #isAtWork({ id }: PlanRow): Promise<boolean> {
    for (let waits = 0; (await findMarked(rebaseMark, id)).length > 0; waits += 1) {
      if (waits === mostWaits) return true;
      await sleep(waitMs);
    }
    return false;
  }

  async #requireUnfinished(plan: PlanRow): Promise<void> {
    const { facts } = this.#parts;
    await facts.refresh([plan], 0);
    if (plan.outcome?.kind === 'abandoned') throw cameHome(plan, 'abandoned', 'rebase');
    if (facts.of(plan.id).merged === true) throw cameHome(plan, 'completed', 'rebase');
  }

  async #requireRow(plan: PlanRow): Promise<WorktreeRow> {
    const row = worktreeOf(this.#parts.registry, plan);
    if (!row) throw noWorktree(plan, 'none');
    if (row.state !== 'in_use') throw inTransition(row);
    if (await isMissing(row.path)) throw noWorktree(plan, 'missing');
    return row;
  }

  /** A branch comes before a tag of its name. */
  async #ontoOf({ repository, plan }: Place, wanted: string | undefined): Promise<{ name: string; commit: string }> {
    const { git, settings, registry } = this.#parts;
    const defaultBranch = (await settings.of(repository)).worktrees.base ?? repository.defaultBranch;
    const said = wanted ?? targetOf(plan, { plans: registry.plans.of(repository.id), defaultBranch });
    const commit = said === null ? undefined : await findBase(git, repository.commonDir, said);
    if (said !== null && commit !== undefined) return { name: said, commit };
    const { base, commit: found } = await requireBase(git, repository, said);
    return { name: base, commit: found };
  }

  /**
   * What is not to be moved. Usually what the new base has; of a plan whose base was rewritten or squashed the commits
   * where wtd made its branch, since these are not its own.
   */
  async #upstreamOf({ repository, plan }: Place, { tip, onto }: { tip: string; onto: string }): Promise<string> {
    const { registry, git } = this.#parts;
    const { commonDir, id } = repository;
    const { branch, baseCommit } = plan;
    if (baseCommit === null || !registry.worktrees.didMake(id, { branch, commit: baseCommit })) return onto;
    const isIn = (base: string) => isAncestor(git, commonDir, { tip: baseCommit, base });
    return (await isIn(tip)) && !(await isIn(onto)) ? baseCommit : onto;
  }

  /** Whoever asks next sees what has become of it. */
  async #look({ plan, row }: { plan: PlanRow; row?: WorktreeRow | undefined }): Promise<void> {
    const { registry, facts, worktreeFacts } = this.#parts;
    if (row) worktreeFacts.forget(row.id);
    await facts.refresh([registry.plans.get(plan.id) ?? plan], 0);
  }
}

/** Git names the files that it did not want to overwrite. */
function refusalOf({ plan, row }: Place, error: unknown): unknown {
  const said = error instanceof WtdError ? error.data['stderr'] : undefined;
  if (typeof said !== 'string' || !said.includes('untracked working tree files would be overwritten')) return error;
  const names = said.split('\n').filter((line) => line.startsWith('\t'));
  const message = `untracked files would be overwritten: ${names.map((name) => name.trim()).join(', ')}`;
  return notAtRest(plan, row, [{ code: 'untracked', message }]);
}
