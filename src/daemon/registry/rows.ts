import type { LimitName, Limits, LimitsAsked, RunReason, RunState, Worktree } from '../../contract/models.ts';

/** Rows as the services see them; times are milliseconds since the epoch. */
export interface RepositoryRow {
  id: string;
  name: string;
  path: string;
  commonDir: string;
  defaultBranch: string | null;
  description: string | null;
  channels: string[];
  trusted: boolean;
  addedAt: number;
}

export interface WorktreeRow {
  id: string;
  repositoryId: string;
  name: string;
  branch: string | null;
  /** wtd made the branch, so it may take it away again while it is empty. */
  branchMade: boolean;
  base: string | null;
  /** The branch's tip when wtd made or adopted the worktree. */
  baseCommit: string;
  path: string;
  kind: Worktree['kind'];
  state: Worktree['state'];
  declared: Worktree['declared'];
  task: string | null;
  portStart: number | null;
  portEnd: number | null;
  useCount: number;
  createdAt: number;
  lastUsedAt: number | null;
  removedAt: number | null;
}

export interface PlanRow {
  id: string;
  repositoryId: string;
  name: string;
  branch: string;
  base: string | null;
  /** The branch's tip when wtd first made or attached it; "merged" is judged from there. */
  baseCommit: string | null;
  file: string | null;
  command: string[];
  dependsOn: string[];
  /** What was asked for; what was not said comes from the configuration. */
  limits: LimitsAsked | null;
  worktreeId: string | null;
  /** Only grows, so that it can fence off an older attempt. */
  lastAttempt: number;
  createdAt: number;
  lastActivityAt: number;
}

export interface PeakRow {
  cpuPercent: number | null;
  memoryMb: number | null;
  diskMb: number | null;
}

export interface RunRow {
  id: string;
  planId: string;
  attempt: number;
  executor: string;
  kind: 'supervised' | 'registered';
  state: RunState;
  reason: RunReason | null;
  command: string[];
  worktreeId: string | null;
  cwd: string | null;
  bootId: string | null;
  pid: number | null;
  processStart: string | null;
  parentPid: number | null;
  parentStart: string | null;
  tokenHash: string | null;
  /** Null: nobody asked for a stop. */
  stopForce: boolean | null;
  /** Between TERM and KILL; null: nobody asked for a stop. */
  stopGraceMs: number | null;
  queuedAt: number;
  startedAt: number | null;
  endedAt: number | null;
  exitCode: number | null;
  signal: string | null;
  peak: PeakRow | null;
  /** In effect since its start; null: a run of the time before there were limits. */
  limits: Limits | null;
  /** The limit that made wtd stop or pause it. */
  breach: LimitName | null;
  /** What its limits count began anew then; null: it was never paused. */
  resumedAt: number | null;
  lastHeartbeatAt: number | null;
}
