import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../base/clock.ts';
import { faultPoint } from '../../../base/fault-point.ts';
import { WtdError } from '../../../contract/errors.ts';
import type { Git } from '../../git/git.ts';
import { findCommit, isAncestor, listWorktrees } from '../../git/questions.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanIntent, PlanRow, RepositoryRow } from '../../registry/rows.ts';
import { findMarked } from '../../runs/tree.ts';
import { deleteBranchAt } from '../../worktrees/empty-branch.ts';
import { isMissing } from '../../worktrees/entry.ts';
import type { Removal } from '../../worktrees/removal.ts';
import { activeRunIn } from '../../worktrees/users.ts';
import { makeTag, removeTag } from './archive-tag.ts';
import { moveTarget } from './moving-target.ts';
import { worktreeOf } from '../plan-worktree.ts';

export type CompletionIntent = Extract<PlanIntent, { kind: 'complete' }>;

interface Parts {
  registry: Registry;
  git: Git;
  clock: Clock;
  removal: Removal;
}

/** What keeps a completion from being settled: a git that goes on, or a lock that nobody alive seems to hold. */
type Hindrance = { kind: 'busy' } | { kind: 'lock'; path: string };

/** What became of a completion: its target has the plan, or everything is as it was; `unknown`: that cannot be told yet. */
export type Settled =
  { state: 'new'; warnings: string[] } | { state: 'old' } | { state: 'unknown'; hindrance: Hindrance };

/** Marks git that moves a target, so that the next daemon can wait for one that outlived this one. */
const movingMark = 'WTD_COMPLETES_PLAN';
const settlePatienceMs = 5000;
const settlePauseMs = 50;

/** Brings a plan home, from the intent to the end; another daemon can go on at each step, or take it back. */
export class Completing {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Answers what could not be done after the merge, or undefined when the target or the branch has moved meanwhile.
   * Throws UNSAFE when work would be overwritten; the tag is gone again then, and nothing has moved.
   */
  async carryOut(
    repository: RepositoryRow,
    plan: PlanRow,
    intent: CompletionIntent,
  ): Promise<{ warnings: string[] } | undefined> {
    const { registry, git } = this.#parts;
    const { commonDir } = repository;
    const { into, from, commit, tip, archive } = intent;
    if ((await findCommit(git, commonDir, `refs/heads/${plan.branch}`)) !== tip) return undefined;
    registry.change(() => {
      registry.plans.update(plan.id, { intent });
    });
    faultPoint('complete: intent written');
    const env = { [movingMark]: plan.id };
    try {
      if (archive !== null) await makeTag(git, commonDir, { tag: archive, commit: tip, env });
      faultPoint('complete: archived');
      const move = { into, from, commit, reason: `wtd: merge plan ${plan.name}`, env };
      if (!(await moveTarget(git, commonDir, move))) {
        await this.#takeBack(repository, plan, intent);
        return undefined;
      }
    } catch (error) {
      if (await this.#isMoved(commonDir, intent)) return { warnings: await this.#finish(repository, plan, intent) };
      await this.#takeBack(repository, plan, intent);
      throw error;
    }
    faultPoint('complete: moved');
    return { warnings: await this.#finish(repository, plan, intent) };
  }

  /** What an earlier daemon began, or this one when its disk was full: goes on where the target has moved, else goes back. */
  async settle(repository: RepositoryRow, plan: PlanRow, intent: CompletionIntent): Promise<Settled> {
    const { commonDir } = repository;
    const isRecorded = plan.outcome?.kind === 'merged' && plan.outcome.commit === intent.commit;
    if (!isRecorded) {
      const hindrance = await this.#untilStill(commonDir, plan, intent);
      if (!(await this.#isMoved(commonDir, intent))) {
        if (hindrance) return { state: 'unknown', hindrance };
        await this.#takeBack(repository, plan, intent);
        return { state: 'old' };
      }
    }
    return { state: 'new', warnings: await this.#finish(repository, plan, intent) };
  }

  async #isMoved(commonDir: string, { into, commit }: CompletionIntent): Promise<boolean> {
    const { git } = this.#parts;
    const target = await findCommit(git, commonDir, `refs/heads/${into}`);
    return target !== undefined && isAncestor(git, commonDir, { tip: commit, base: target });
  }

  /** A git that a daemon began goes on without it. Answers what is still in the way after a while. */
  async #untilStill(commonDir: string, plan: PlanRow, intent: CompletionIntent): Promise<Hindrance | undefined> {
    const deadline = performance.now() + settlePatienceMs;
    for (;;) {
      const isBusy = (await findMarked(movingMark, plan.id)).length > 0;
      const lock = await this.#lockOf(commonDir, intent);
      if (!isBusy && (lock === undefined || (await this.#isMoved(commonDir, intent)))) return undefined;
      if (performance.now() > deadline)
        return isBusy || lock === undefined ? { kind: 'busy' } : { kind: 'lock', path: lock };
      await sleep(settlePauseMs); // nothing else may keep a daemon alive that is only just starting
    }
  }

  async #lockOf(commonDir: string, { into }: CompletionIntent): Promise<string | undefined> {
    const { git } = this.#parts;
    const checkout = (await listWorktrees(git, commonDir)).find(({ branch }) => branch === into)?.path;
    if (checkout === undefined || (await isMissing(checkout))) return undefined;
    const lock = join(await git.read(checkout, ['rev-parse', '--absolute-git-dir']), 'index.lock');
    return (await isMissing(lock)) ? undefined : lock;
  }

  async #takeBack({ commonDir }: RepositoryRow, plan: PlanRow, { archive, tip }: CompletionIntent): Promise<void> {
    const { registry, git } = this.#parts;
    if (archive !== null) await removeTag(git, commonDir, { tag: archive, commit: tip });
    registry.change(() => {
      registry.plans.update(plan.id, { intent: null });
    });
  }

  /** Everything after the move; each part can be done again. Answers what could not be done. */
  async #finish(repository: RepositoryRow, plan: PlanRow, intent: CompletionIntent): Promise<string[]> {
    const { registry } = this.#parts;
    this.#record(repository, plan, intent);
    faultPoint('complete: recorded');
    const warnings = await this.#tidy(repository, plan, intent);
    faultPoint('complete: worktree removed');
    registry.change(() => {
      registry.plans.update(plan.id, { intent: null });
    });
    faultPoint('complete: intent cleared');
    return warnings;
  }

  #record(repository: RepositoryRow, plan: PlanRow, intent: CompletionIntent): void {
    const { registry, clock } = this.#parts;
    const { tip, into, commit, strategy, archive } = intent;
    const known = registry.plans.get(plan.id)?.outcome;
    if (known?.kind === 'merged' && known.commit === commit) return;
    const at = clock.now();
    registry.change((tell) => {
      const outcome = { kind: 'merged' as const, tip, into, commit, strategy, archive, at };
      registry.plans.update(plan.id, { outcome, lastActivityAt: at });
      const data = { into, commit, strategy, archive, tip };
      tell({ type: 'plan.completed', repository: repository.name, plan: plan.name, data });
    });
  }

  /** The merge stands, whatever becomes of this. */
  async #tidy(repository: RepositoryRow, plan: PlanRow, intent: CompletionIntent): Promise<string[]> {
    const { registry, removal } = this.#parts;
    const warnings: string[] = [];
    const row = worktreeOf(registry, plan);
    const isKept = row === undefined || row.kind !== 'plan' || intent.keepWorktree;
    let hasSnapshot = false;
    try {
      const wish = {
        activeRun: row === undefined ? null : (activeRunIn(registry, row)?.id ?? null),
        declared: 'merged' as const,
      };
      if (!isKept) {
        const removed = await removal.remove(repository, row, { ...wish, reason: 'plan completed' });
        hasSnapshot = removed.snapshot !== null;
        warnings.push(...removed.warnings);
      }
    } catch (error) {
      if (!(error instanceof WtdError)) throw error;
      warnings.push(`its worktree stays: ${error.message}`);
    }
    if (intent.deleteBranch) warnings.push(...(await this.#deleteBranch(repository, plan, { ...intent, hasSnapshot })));
    return warnings;
  }

  async #deleteBranch(
    { commonDir }: RepositoryRow,
    { branch }: PlanRow,
    { tip, strategy, archive, hasSnapshot }: CompletionIntent & { hasSnapshot: boolean },
  ): Promise<string[]> {
    const { git } = this.#parts;
    const stays = (why: string) => [`the branch ${branch} stays: ${why}`];
    if (strategy === 'squash' && archive === null && !hasSnapshot) return stays('nothing else has its commits');
    return git.locked(commonDir, async () => {
      const holder = (await listWorktrees(git, commonDir)).find((listed) => listed.branch === branch);
      if (holder) return stays(`it is checked out in ${holder.path}`);
      return (await deleteBranchAt(git, commonDir, { branch, commit: tip })) ? [] : stays('it has moved on');
    });
  }
}
