import { WtdError } from '../../../contract/errors.ts';
import type { Conflict } from '../../git/merge-tree.ts';
import type { PlanRow, WorktreeRow } from '../../registry/rows.ts';
import type { Blocker } from '../../worktrees/safety.ts';

/** The sentences of what plan.rebase refuses. */
export const notAtRest = (plan: PlanRow, row: WorktreeRow, blockers: Blocker[]): WtdError =>
  new WtdError('UNSAFE', `plan ${plan.name} cannot be rebased: ${blockers.map(({ message }) => message).join(', ')}`, {
    hint: blockers.some(({ code }) => code === 'operation')
      ? `bring to its end what is in progress in ${row.path}, or take a rebase back with \`wtd rebase ${plan.name} --abort\``
      : `see to each of these in ${row.path} (commit or stash, \`wtd stop ${plan.name}\`), then try again`,
    blockers,
  });

export const wouldConflict = (plan: PlanRow, onto: string, files: Conflict[]): WtdError =>
  new WtdError('CONFLICT', `plan ${plan.name} conflicts with ${onto} in ${files.map(({ path }) => path).join(', ')}`, {
    hint: `all is as it was; to resolve it in its worktree: \`wtd rebase ${plan.name} --on-conflict keep\``,
    files,
  });

export const cameHome = (plan: PlanRow, state: string, verb: string): WtdError =>
  new WtdError('INVALID_STATE', `plan ${plan.name} is ${state}, so there is nothing to ${verb}`, {
    hint: `forget it with \`wtd plan remove ${plan.name}\`, or begin it anew with \`wtd start ${plan.name}\``,
    state,
    allowed: ['a plan that is neither completed nor abandoned'],
  });

export const noWorktree = (plan: PlanRow, state: 'none' | 'missing'): WtdError =>
  new WtdError('INVALID_STATE', `plan ${plan.name} has no worktree to rebase it in`, {
    hint: `\`wtd start ${plan.name}\` makes it one`,
    state,
    allowed: ['a plan with its worktree'],
  });

export const noBranch = (plan: PlanRow): WtdError =>
  new WtdError('INVALID_STATE', `the branch ${plan.branch} of plan ${plan.name} is gone`, {
    hint: `bring it back with \`git branch ${plan.branch} <commit>\`, or begin anew with \`wtd start ${plan.name}\``,
    state: 'missing',
    allowed: ['a plan with its branch'],
  });

export const noRebase = (plan: PlanRow, { path }: WorktreeRow): WtdError =>
  new WtdError('INVALID_STATE', `no rebase is in progress in ${path}`, {
    hint: `begin one with \`wtd rebase ${plan.name}\``,
    state: 'no rebase',
    allowed: ['a rebase in progress'],
  });
