import { unreachable } from '../../base/unreachable.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import type { PlanIntent, PlanRow, RepositoryRow, RunRow, WorktreeRow } from '../registry/rows.ts';
import type { MarkedProcess } from '../runs/marked.ts';
import { isLock, ownerOfLock } from '../worktrees/naming.ts';

/** What git says of one repository; `gone`: its directory is not there, `unknown`: git could not be asked. */
export type GitView =
  | {
      kind: 'asked';
      /** The main worktree first. */
      listed: readonly ListedWorktree[];
      /** Where wtd puts its worktrees; a real path. */
      directory: string;
      /** Of the listed ones and of the live rows. */
      missingPaths: ReadonlySet<string>;
      /** Of the branches of its plans. */
      branchPrefix: string;
      /** Branches under the prefix that have no commits of their own, with their tips. */
      emptyBranches: ReadonlyMap<string, string>;
    }
  | { kind: 'gone' }
  | { kind: 'unknown'; cause: string };

type Asked = Extract<GitView, { kind: 'asked' }>;

export interface RepositoryView {
  row: RepositoryRow;
  git: GitView;
}

/** What git, the database, the disk and the process table said at one moment. */
export interface World {
  /** This daemon's, which its locks of worktrees name. */
  home: string;
  repositories: readonly RepositoryView[];
  /** Those that are not removed. */
  worktrees: readonly WorktreeRow[];
  plans: readonly PlanRow[];
  activeRuns: readonly RunRow[];
  runDirectories: readonly string[];
  processes: readonly MarkedProcess[];
  /** Runs that a directory or a process names and that no row has. */
  unknownRuns: ReadonlySet<string>;
  /** Runs whose start has not come to its end. */
  underWay: ReadonlySet<string>;
  /** Plans that are being completed. */
  completing: ReadonlySet<string>;
}

type CompletionIntent = Extract<PlanIntent, { kind: 'complete' }>;

/** Something that is said differently, with what is needed to mend it. */
export type Difference =
  | { kind: 'worktree_without_row'; repository: RepositoryRow; listed: ListedWorktree }
  | { kind: 'row_without_worktree'; repository: RepositoryRow; row: WorktreeRow; isMissing: boolean }
  | { kind: 'orphan_branch'; repository: RepositoryRow; branch: string; tip: string }
  | { kind: 'prunable_entry'; repository: RepositoryRow; listed: ListedWorktree }
  | { kind: 'port_without_owner'; repository: RepositoryRow; row: WorktreeRow }
  | { kind: 'run_directory_without_row'; run: string }
  | { kind: 'process_without_run'; process: MarkedProcess; isKnown: boolean }
  | { kind: 'interrupted_completion'; repository: RepositoryRow; plan: PlanRow; intent: CompletionIntent }
  | { kind: 'row_without_repository'; repository: RepositoryRow; plans: number; worktrees: number };

/** Everything that differs. What is just being made, started or removed is no difference. Pure. */
export function compare(world: World): Difference[] {
  return [
    ...directoriesWithoutRow(world),
    ...world.repositories.flatMap((view) => compareRepository(view, world)),
    ...processesWithoutRun(world),
  ];
}

function compareRepository({ row: repository, git }: RepositoryView, world: World): Difference[] {
  const plans = world.plans.filter(({ repositoryId }) => repositoryId === repository.id);
  const rows = world.worktrees.filter(({ repositoryId }) => repositoryId === repository.id);
  switch (git.kind) {
    case 'unknown':
      return [];
    case 'gone':
      return [{ kind: 'row_without_repository', repository, plans: plans.length, worktrees: rows.length }];
    case 'asked': {
      const branches = unclaimedBranches(git.emptyBranches, { prefix: git.branchPrefix, plans, rows, ...git });
      return [
        ...entriesWithoutRow({ repository, git, rows }, world.home),
        ...rows.filter((row) => isAtRest(row, world)).flatMap((row) => compareRow({ repository, git, row }, plans)),
        ...[...branches].map(([branch, tip]) => ({ kind: 'orphan_branch' as const, repository, branch, tip })),
        ...plans.filter(({ id }) => !world.completing.has(id)).flatMap((plan) => compareIntent(repository, plan)),
      ];
    }
    default:
      return unreachable(git);
  }
}

const compareIntent = (repository: RepositoryRow, plan: PlanRow): Difference[] =>
  plan.intent?.kind === 'complete' ? [{ kind: 'interrupted_completion', repository, plan, intent: plan.intent }] : [];

/** The branches under the prefix that neither a plan nor a worktree has. Pure. */
export function unclaimedBranches(
  tips: ReadonlyMap<string, string>,
  claims: {
    prefix: string;
    plans: readonly PlanRow[];
    rows: readonly WorktreeRow[];
    listed: readonly ListedWorktree[];
  },
): Map<string, string> {
  const claimed = new Set([...claims.plans, ...claims.rows, ...claims.listed].map(({ branch }) => branch));
  return new Map([...tips].filter(([name]) => name.startsWith(claims.prefix) && !claimed.has(name)));
}

function entriesWithoutRow(
  { repository, git, rows }: { repository: RepositoryRow; git: Asked; rows: readonly WorktreeRow[] },
  home: string,
): Difference[] {
  const paths = new Set(rows.map(({ path }) => path));
  return git.listed.slice(1).flatMap((listed): Difference[] => {
    if (paths.has(listed.path) || isOfOtherHome(listed, home)) return [];
    const isGone = git.missingPaths.has(listed.path);
    // What is locked git never calls prunable, so that of its own wtd has to see for itself.
    if (listed.prunable || (isGone && isOwn(listed, home))) return [{ kind: 'prunable_entry', repository, listed }];
    const isOurs = isOwn(listed, home) || listed.path.startsWith(`${git.directory}/`);
    return isOurs && !isGone ? [{ kind: 'worktree_without_row', repository, listed }] : [];
  });
}

/** Whether the daemon of this home locked it, as it does with every worktree it makes. Pure. */
export const isOwn = ({ lockReason }: ListedWorktree, home: string): boolean =>
  ownerOfLock(lockReason, home) !== undefined;

/** What another daemon made is for that one to say. */
const isOfOtherHome = (listed: ListedWorktree, home: string): boolean =>
  isLock(listed.lockReason) && !isOwn(listed, home);

function compareRow(
  { repository, git, row }: { repository: RepositoryRow; git: Asked; row: WorktreeRow },
  plans: readonly PlanRow[],
): Difference[] {
  const isMissing = git.missingPaths.has(row.path);
  if (isMissing || !git.listed.some(({ path }) => path === row.path)) {
    return [{ kind: 'row_without_worktree', repository, row, isMissing }];
  }
  const isOwnerless = row.kind === 'plan' && row.portStart !== null;
  if (!isOwnerless || plans.some(({ worktreeId }) => worktreeId === row.id)) return [];
  return [{ kind: 'port_without_owner', repository, row }];
}

/** Nobody is making it, taking it away, or starting a run in it. */
function isAtRest(row: WorktreeRow, { plans, activeRuns, underWay }: World): boolean {
  if (row.state === 'creating' || row.state === 'cleaning') return false;
  const owners = plans.filter(({ worktreeId }) => worktreeId === row.id).map(({ id }) => id);
  return !activeRuns.some(
    (run) =>
      (run.worktreeId === row.id || owners.includes(run.planId)) && (run.state === 'starting' || underWay.has(run.id)),
  );
}

const directoriesWithoutRow = ({ runDirectories, unknownRuns, underWay }: World): Difference[] =>
  runDirectories
    .filter((run) => unknownRuns.has(run) && !underWay.has(run))
    .map((run) => ({ kind: 'run_directory_without_row', run }));

function processesWithoutRun({ processes, activeRuns, unknownRuns, underWay }: World): Difference[] {
  const active = new Set(activeRuns.map(({ id }) => id));
  return processes
    .filter(({ run }) => !active.has(run) && !underWay.has(run))
    .map((process) => ({ kind: 'process_without_run', process, isKnown: !unknownRuns.has(process.run) }));
}
