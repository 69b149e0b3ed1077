import { WtdError } from '../../../contract/errors.ts';
import type { Conflict } from '../../git/merge-tree.ts';
import type { PlanRow, RepositoryRow } from '../../registry/rows.ts';
import type { Blocker } from '../../worktrees/safety.ts';

/** What stands in the way of completing a plan. */
export interface Obstacles {
  plan: PlanRow;
  into: string;
  blockers: Blocker[];
  conflicts: Conflict[];
}

/** One kind alone has an error of its own; several are told all at once. Pure. */
export function refusalOf(obstacles: Obstacles): WtdError | undefined {
  const { plan, into, blockers } = obstacles;
  const [only] = blockers;
  if (only === undefined) return undefined;
  const isAlone = blockers.length === 1;
  if (isAlone && only.code === 'conflict') return conflicting(obstacles, only);
  if (isAlone && (only.code === 'nothing_to_merge' || only.code === 'not_fast_forward')) return impossible(plan, only);
  const sentence = blockers.map(({ message }) => message).join(', ');
  return new WtdError('UNSAFE', `plan ${plan.name} cannot be merged into ${into} yet: ${sentence}`, {
    hint: 'see to each of these, then try again; `--dry-run` tells what is left',
    blockers,
    ...(obstacles.conflicts.length > 0 && { files: obstacles.conflicts }),
  });
}

/** Pure. */
export function describeConflicts(conflicts: readonly Conflict[], into: string): string {
  const submodules = conflicts.filter(({ kind }) => kind === 'submodule').map(({ path }) => path);
  if (submodules.length > 0) {
    return `${into} and the plan have both changed the submodule ${submodules.join(', ')}, which cannot be merged without a checkout of it`;
  }
  const named = conflicts.slice(0, mostNamed).map(({ path }) => path);
  const more = conflicts.length > mostNamed ? ` and ${conflicts.length - mostNamed} more` : '';
  return `it conflicts with ${into} in ${named.join(', ')}${more}`;
}

const mostNamed = 5;

const conflicting = ({ plan, conflicts }: Obstacles, { message }: Blocker): WtdError =>
  new WtdError('CONFLICT', `plan ${plan.name} cannot be merged: ${message}`, {
    hint: `bring it up to date first: \`wtd rebase ${plan.name} --on-conflict keep\``,
    files: conflicts,
  });

const impossible = (plan: PlanRow, { code, message }: Blocker): WtdError =>
  new WtdError('INVALID_STATE', `plan ${plan.name} cannot be merged: ${message}`, {
    hint:
      code === 'not_fast_forward'
        ? `bring it up to date first: \`wtd rebase ${plan.name}\`, or use another --strategy`
        : `see what it has with \`wtd plan show ${plan.name}\``,
    state: code,
    allowed: [code === 'not_fast_forward' ? 'a branch that has all of its base' : 'a branch with work of its own'],
  });

export const noBranch = ({ name, branch }: PlanRow): WtdError =>
  new WtdError('INVALID_STATE', `plan ${name} has no branch ${branch} to merge`, {
    hint: `start it first: \`wtd start ${name}\``,
    state: 'no_branch',
    allowed: ['a plan with a branch'],
  });

export const noTarget = ({ name }: PlanRow, base: string | null): WtdError =>
  new WtdError(
    'INVALID_STATE',
    base === null
      ? `nothing says which branch plan ${name} is to be merged into`
      : `plan ${name} starts from ${base}, which is no local branch to merge into`,
    {
      hint: `say which one: \`wtd plan update ${name} --base <branch>\``,
      state: 'no_target',
      allowed: ['a base that is a local branch'],
    },
  );

export const inTheWay = (
  { into, checkout }: { into: string; checkout: string },
  files: readonly string[],
): WtdError => {
  const what = files.length === 0 ? 'what is in it' : files.join(', ');
  return new WtdError('UNSAFE', `${into} is checked out in ${checkout}, and moving it would overwrite ${what}`, {
    hint: `commit, stash or move that away in ${checkout}, then try again`,
    blockers: [{ code: 'target_changes', message: `work in ${checkout} would be overwritten: ${what}` }],
    files,
  });
};

export const targetMoves = (into: string): WtdError =>
  new WtdError('BUSY', `${into} was moved by somebody else each time it was about to be`, {
    hint: 'try again in a moment',
    holder: into,
  });

export const unsettled = ({ name }: PlanRow, into: string): WtdError =>
  new WtdError('BUSY', `an earlier merge of plan ${name} into ${into} is not settled yet`, {
    hint: '`wtd doctor` says what is in the way',
    holder: into,
  });

export const nobody = ({ path }: RepositoryRow): WtdError =>
  new WtdError('INVALID_STATE', `git does not know who commits in ${path}`, {
    hint: `tell it with \`git -C ${path} config user.name <name>\` and \`git -C ${path} config user.email <address>\``,
    state: 'no_identity',
    allowed: ['user.name and user.email'],
  });

export const neitherPlanNorAll = (): WtdError =>
  new WtdError('INVALID_PARAMS', 'plan: give a plan, or --all', {
    hint: 'name the plan that is to be merged, or merge all that can be with --all',
    issues: [{ path: 'plan', message: 'is required unless all is given, and not both' }],
  });

export const oneAtATime = (): WtdError =>
  new WtdError('INVALID_PARAMS', 'pr: a pull request is for one plan', {
    hint: 'name the plan instead of --all',
    issues: [{ path: 'pr', message: 'goes with a plan, not with all' }],
  });
