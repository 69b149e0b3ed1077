import type { MergeStrategy } from '../../../contract/models.ts';
import type { Git } from '../../git/git.ts';
import type { Merge } from '../../git/merge-tree.ts';
import type { ListedWorktree } from '../../git/porcelain.ts';
import { findCommit, isAncestor, listWorktrees } from '../../git/questions.ts';
import { findRebasedBranch } from '../../git/rebase.ts';
import { tryMerges, type TrialObjects } from '../../git/trial-merges.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import { isMissing } from '../../worktrees/entry.ts';
import { examine, findOperation } from '../../worktrees/examine.ts';
import { findBase } from '../../worktrees/merging.ts';
import { findBlockers, type Blocker } from '../../worktrees/safety.ts';
import { activeRunIn } from '../../worktrees/users.ts';
import { describeConflicts, noBranch, noTarget } from './completion-refusals.ts';
import type { Foreseen } from './foreseen.ts';
import type { PlanFactsReader } from '../plan-facts.ts';
import { targetOf } from './target.ts';
import { worktreeOf } from '../plan-worktree.ts';

interface Parts {
  registry: Registry;
  git: Git;
  facts: PlanFactsReader;
}

export interface About {
  repository: RepositoryRow;
  plan: PlanRow;
  into: string;
}

/** What a completion would find, and all that stands in its way. */
export interface Look {
  tip: string;
  from: string;
  merge: Merge;
  /** Where the target is checked out. */
  checkout: string | null;
  worktree: WorktreeRow | null;
  blockers: Blocker[];
}

/**
 * The branch that a plan is to be merged into, which is a local one unless it is merged elsewhere: never guessed. Throws
 * INVALID_STATE.
 */
export async function requireTarget(
  { git, registry }: { git: Git; registry: Registry },
  { repository, plan }: Omit<About, 'into'>,
  { home, isElsewhere }: { home?: ReadonlyMap<string, string> | undefined; isElsewhere: boolean },
): Promise<string> {
  const { commonDir, defaultBranch, id } = repository;
  const base = targetOf(plan, { plans: registry.plans.of(id), defaultBranch }, home);
  const target = base === null ? undefined : await findTarget(git, commonDir, { into: base, isElsewhere });
  if (base === null || target === undefined || base === plan.branch) throw noTarget(plan, base);
  return base;
}

const findTarget = (
  git: Git,
  commonDir: string,
  { into, isElsewhere }: { into: string; isElsewhere: boolean },
): Promise<string | undefined> =>
  isElsewhere ? findBase(git, commonDir, into) : findCommit(git, commonDir, `refs/heads/${into}`);

/** Looks at everything at once. `isElsewhere`: the merge is made on another machine. Throws INVALID_STATE without a branch. */
export async function lookAtCompletion(
  parts: Parts,
  about: About,
  how: { strategy: MergeStrategy; objects: TrialObjects; foreseen: Foreseen; isElsewhere: boolean },
): Promise<Look> {
  const { registry, git } = parts;
  const { repository, plan, into } = about;
  const { commonDir } = repository;
  const [tip, from, listed] = await Promise.all([
    findCommit(git, commonDir, `refs/heads/${plan.branch}`),
    how.foreseen.tips.get(into) ?? findTarget(git, commonDir, { ...how, into }),
    listWorktrees(git, commonDir),
    parts.facts.refresh([plan, ...dependenciesOf(registry, plan)], 0),
  ]);
  if (tip === undefined) throw noBranch(plan);
  if (from === undefined) throw noTarget(plan, into);
  const worktree = worktreeOf(registry, plan) ?? null;
  const checkout = listed.find(({ branch }) => branch === into)?.path ?? null;
  const [[merge], inTree, atTarget] = await Promise.all([
    tryMerges(git, commonDir, { pairs: [[from, tip]], objects: how.objects }),
    blockersInTree(parts, about, { worktree, listed }),
    how.isElsewhere ? [] : blockersAtTarget(parts, about, { checkout, listed }),
  ]);
  if (!merge) throw new Error('git answered no merge');
  const blockers = [
    ...findActiveRun(registry, plan),
    ...findOpenTasks(parts.facts, plan),
    ...inTree,
    ...findUnmetDependencies(parts, plan, how.foreseen),
    ...(await blockersOfMerge(git, about, { tip, from, merge, ...how })),
    ...atTarget,
  ];
  return { tip, from, merge, checkout, worktree, blockers };
}

function findActiveRun(registry: Registry, plan: PlanRow): Blocker[] {
  const run = registry.runs.activeOf(plan.id);
  return run ? [{ code: 'active_run', message: `run ${run.id} is ${run.state}` }] : [];
}

/** Tasks that nobody has said to be done, or to be left out. */
function findOpenTasks(facts: PlanFactsReader, plan: PlanRow): Blocker[] {
  const progress = facts.progress.of(plan.id);
  const open = progress === null ? 0 : progress.total - progress.completed - progress.skipped;
  if (progress === null || open === 0) return [];
  const phase = progress.currentPhase === null ? '' : `, the first in "${progress.currentPhase}"`;
  return [{ code: 'open_tasks', message: `${open} of ${progress.total} tasks not completed${phase}` }];
}

async function blockersInTree(
  { git }: Parts,
  { repository, plan }: About,
  { worktree, listed }: { worktree: WorktreeRow | null; listed: readonly ListedWorktree[] },
): Promise<Blocker[]> {
  if (worktree === null) return [];
  const { path, state } = worktree;
  if (state === 'creating' || state === 'cleaning')
    return [{ code: 'unverified', message: `${path} is just being made or taken away` }];
  const blockers = findBlockers({ ...(await examine(git, repository, path)), activeRun: null });
  const branch = listed.find((entry) => entry.path === path)?.branch;
  if (branch !== undefined && branch !== plan.branch)
    blockers.push({
      code: 'other_branch',
      message: `${path} is on ${branch ?? 'no branch'} instead of ${plan.branch}`,
    });
  return blockers;
}

const dependenciesOf = (registry: Registry, plan: PlanRow): PlanRow[] =>
  plan.dependsOn.flatMap((name) => registry.plans.byName(plan.repositoryId, name) ?? []);

/** Those that a plan waits for. */
export const unmetDependencies = ({ registry, facts }: Parts, plan: PlanRow): string[] =>
  plan.dependsOn.filter((name) => {
    const other = registry.plans.byName(plan.repositoryId, name);
    return other === undefined || !facts.isMerged(other);
  });

const findUnmetDependencies = (parts: Parts, plan: PlanRow, { home }: Foreseen): Blocker[] =>
  unmetDependencies(parts, plan)
    .filter((name) => !home.has(name))
    .map((name) => ({ code: 'depends', message: `it depends on ${name}, which is not merged` }));

async function blockersOfMerge(
  git: Git,
  { repository: { commonDir }, into, plan }: About,
  {
    tip,
    from,
    merge,
    strategy,
    objects,
  }: { tip: string; from: string; merge: Merge; strategy: MergeStrategy; objects: TrialObjects },
): Promise<Blocker[]> {
  if (!merge.isClean) return [{ code: 'conflict', message: describeConflicts(merge.conflicts, into) }];
  const tree = await git.write(commonDir, ['rev-parse', '--verify', `${from}^{tree}`], { ...objects.env });
  if (merge.tree === tree)
    return [{ code: 'nothing_to_merge', message: `there is nothing on ${plan.branch} that ${into} lacks` }];
  if (strategy !== 'ff' || (await isAncestor(git, commonDir, { tip: from, base: tip }))) return [];
  return [
    {
      code: 'not_fast_forward',
      message: `${into} has commits that ${plan.branch} lacks, so it cannot be fast-forwarded`,
    },
  ];
}

async function blockersAtTarget(
  { registry, git }: Parts,
  { repository, into }: About,
  { checkout, listed }: { checkout: string | null; listed: readonly ListedWorktree[] },
): Promise<Blocker[]> {
  if (checkout === null) return blockersOfRebase(git, { into, listed });
  if (await isMissing(checkout))
    return [{ code: 'unverified', message: `${into} is checked out in ${checkout}, which is not there` }];
  const row = registry.worktrees.liveOf(repository.id).find(({ path }) => path === checkout);
  const run = row && activeRunIn(registry, row);
  const operation = await findOperation(git, checkout);
  const inProgress = operation === null ? [] : [`a ${operation} is in progress`];
  const others = listed.filter(({ branch, path }) => branch === into && path !== checkout);
  // Their files would stay behind, and the next commit there would take the merge back.
  const elsewhere = others.map(({ path }) => `only one of it and ${path} would follow`);
  return [...(run ? [`run ${run.id} is active`] : []), ...inProgress, ...elsewhere].map((what) => ({
    code: 'target_busy',
    message: `${into} is checked out in ${checkout}, where ${what}`,
  }));
}

/** A rebase leaves its branch until it is through, and is lost when that has moved. */
async function blockersOfRebase(
  git: Git,
  { into, listed }: { into: string; listed: readonly ListedWorktree[] },
): Promise<Blocker[]> {
  const detached = listed.filter(({ branch }) => branch === null);
  const rebased = await Promise.all(detached.map(({ path }) => findRebasedBranch(git, path)));
  return detached
    .filter((_, at) => rebased[at] === into)
    .map(({ path }) => ({ code: 'target_busy', message: `a rebase of ${into} is in progress in ${path}` }));
}
