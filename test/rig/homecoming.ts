import type { Params, Result } from '../../src/contract/index.ts';
import { finishPlan, worktreeOf } from './doctor.ts';
import type { Checkout } from './repository.ts';
import type { Rig } from './rig.ts';

/** A plan whose run has ended and whose branch has a commit with these files. */
export async function donePlan(
  rig: Rig,
  plan: string,
  files: Readonly<Record<string, string>> = { [`${plan}.txt`]: `${plan}\n` },
): Promise<Checkout> {
  const worktree = await finishPlan(rig, plan);
  worktree.commit(files, `Work of ${plan}`);
  return worktree;
}

export const complete = (
  rig: Rig,
  plan: string,
  more: Partial<Params<'plan.complete'>> = {},
): Promise<Result<'plan.complete'>> => rig.call('plan.complete', { plan, repository: 'shop', ...more });

export const refuses = (rig: Rig, plan: string, more: Partial<Params<'plan.complete'>> = {}) =>
  rig.refusal('plan.complete', { plan, repository: 'shop', ...more });

export const showPlan = (rig: Rig, plan: string) => rig.call('plan.show', { plan, repository: 'shop' });

/** Leaves the target to nobody: it is checked out nowhere. */
export const leaveTarget = (rig: Rig): void => {
  rig.repository.git('switch', '--quiet', '--detach');
};

/** Everything of git and of the plan that a refusal must leave as it is. */
export async function stateOf(rig: Rig, plan: string) {
  const { state, outcome, worktree } = await showPlan(rig, plan);
  return {
    refs: rig.repository.git('for-each-ref'),
    worktrees: rig.repository.worktrees(),
    status: rig.repository.git('status', '--porcelain'),
    inTree: worktree && worktreeOf(rig, plan).git('status', '--porcelain'),
    plan: { state, outcome, worktree: worktree?.path },
  };
}
