import type { ListedWorktree } from '../../../src/daemon/git/porcelain.ts';
import { newPlan } from '../../../src/daemon/plans/new-plan.ts';
import type { GitView, RepositoryView, World } from '../../../src/daemon/reconcile/compare.ts';
import type { PlanRow, RepositoryRow, RunRow, WorktreeRow } from '../../../src/daemon/registry/rows.ts';
import type { MarkedProcess } from '../../../src/daemon/runs/marked.ts';
import { newRow } from '../../../src/daemon/worktrees/new-row.ts';

export type Asked = Extract<GitView, { kind: 'asked' }>;

const repository = (id: string): RepositoryRow => ({
  id,
  name: id,
  path: `/r/${id}`,
  commonDir: `/r/${id}/.git`,
  defaultBranch: 'main',
  description: null,
  channels: [],
  trusted: false,
  trustedHash: null,
  addedAt: 0,
});

export const pathOf = (repositoryId: string, plan: string): string => `/r/${repositoryId}/worktrees/plan-${plan}`;

export const worktree = (repositoryId: string, plan: string, rest: Partial<WorktreeRow> = {}): WorktreeRow => ({
  ...newRow({
    repositoryId,
    name: `plan-${plan}`,
    branch: `plan/${plan}`,
    branchMade: true,
    base: 'main',
    baseCommit: 'b0',
    path: pathOf(repositoryId, plan),
    kind: 'plan',
    state: 'in_use',
    createdAt: 0,
    ports: { start: 8100, end: 8109 },
  }),
  id: `w-${repositoryId}-${plan}`,
  useCount: 1,
  ...rest,
});

export const planRow = (repositoryId: string, name: string, rest: Partial<PlanRow> = {}): PlanRow => ({
  ...newPlan({ repositoryId, name, branch: `plan/${name}`, base: 'main', now: 0 }),
  id: `p-${repositoryId}-${name}`,
  baseCommit: 'b0',
  command: ['true'],
  lastAttempt: 1,
  ...rest,
});

export const runRow = (plan: PlanRow, rest: Partial<RunRow> = {}): RunRow => ({
  id: `r-${plan.repositoryId}-${plan.name}`,
  planId: plan.id,
  attempt: 1,
  executor: 'shim',
  kind: 'supervised',
  state: 'running',
  reason: null,
  command: ['true'],
  worktreeId: plan.worktreeId,
  cwd: null,
  bootId: null,
  pid: null,
  processStart: null,
  parentPid: null,
  parentStart: null,
  tokenHash: null,
  stopForce: null,
  queuedAt: 0,
  startedAt: null,
  endedAt: null,
  exitCode: null,
  signal: null,
  peak: null,
  limits: null,
  breach: null,
  stopGraceMs: null,
  resumedAt: null,
  lastHeartbeatAt: null,
  ...rest,
});

/** The home of the daemon whose world it is. */
const home = '/home/ada/.wtd';

export const listed = (path: string, rest: Partial<ListedWorktree> = {}): ListedWorktree => ({
  path,
  head: 'c1',
  branch: null,
  locked: false,
  lockReason: null,
  prunable: false,
  ...rest,
});

export const ownEntry = (repositoryId: string, plan: string, rest: Partial<ListedWorktree> = {}): ListedWorktree =>
  listed(pathOf(repositoryId, plan), {
    branch: `plan/${plan}`,
    locked: true,
    lockReason: `wtd: plan ${plan} of ${home}`,
    ...rest,
  });

export const marked = (pid: number, run: string): MarkedProcess => ({ pid, run, command: ['sleep', '1000'] });

/** What there is of one plan: only its row, also a worktree, also an active run with its directory and processes. */
export type Stage = 'idle' | 'ended' | 'running';

/** A world in which everything says the same. */
export function agreeingWorld(repositories: Readonly<Record<string, Readonly<Record<string, Stage>>>>): World {
  const plans: PlanRow[] = [];
  const worktrees: WorktreeRow[] = [];
  const activeRuns: RunRow[] = [];
  const runDirectories: string[] = [];
  const processes: MarkedProcess[] = [];
  const views: RepositoryView[] = [];
  for (const [id, stages] of Object.entries(repositories)) {
    const entries = [listed(`/r/${id}`, { branch: 'main' })];
    for (const [name, stage] of Object.entries(stages)) {
      const row = worktree(id, name);
      const plan = planRow(id, name, { worktreeId: stage === 'idle' ? null : row.id });
      plans.push(plan);
      if (stage === 'idle') continue;
      worktrees.push(row);
      entries.push(ownEntry(id, name));
      const run = runRow(plan);
      runDirectories.push(run.id);
      if (stage === 'ended') continue;
      activeRuns.push(run);
      processes.push(marked(1000 + processes.length, run.id));
    }
    views.push({ row: repository(id), git: asked(id, { listed: entries }) });
  }
  return {
    home,
    repositories: views,
    worktrees,
    plans,
    activeRuns,
    runDirectories,
    processes,
    unknownRuns: new Set(),
    underWay: new Set(),
    completing: new Set(),
  };
}

export const asked = (id: string, rest: Partial<Asked> = {}): Asked => ({
  kind: 'asked',
  listed: [listed(`/r/${id}`, { branch: 'main' })],
  directory: `/r/${id}/worktrees`,
  missingPaths: new Set(),
  branchPrefix: 'plan/',
  emptyBranches: new Map(),
  ...rest,
});

/** The world with another answer of git for one repository. */
export const withGit = (world: World, id: string, change: (git: Asked) => GitView): World => ({
  ...world,
  repositories: world.repositories.map((view) =>
    view.row.id === id && view.git.kind === 'asked' ? { ...view, git: change(view.git) } : view,
  ),
});
