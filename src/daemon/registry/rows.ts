import type {
  LimitName,
  Limits,
  LimitsAsked,
  MergeStrategy,
  Progress,
  RunReason,
  RunState,
  TaskReport,
  Worktree,
} from '../../contract/models.ts';

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
  /** SHA-256 of the file whose commands were trusted; null: none ever was. */
  trustedHash: string | null;
  addedAt: number;
}

/** What a person asked for when a worktree is taken away. */
export interface RemovalIntent {
  /** Its state before, which it has again when it has to stay. */
  from: Worktree['state'];
  force: boolean;
  deleteBranch: boolean;
  /** What it is recorded as in the end; null: as it was. */
  declared: 'merged' | 'abandoned' | null;
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
  pr: Worktree['pr'];
  /** What became of making it usable; null: nothing was to be done. */
  setup: Worktree['setup'];
  /** The last one that was made of it. */
  snapshotId: string | null;
  /** As what it is being taken away, so that another daemon can go on with it; null: it is not. */
  removal: RemovalIntent | null;
  /** Of its last lease; only grows, so that a late release of an older one does nothing. */
  fence: number;
  portStart: number | null;
  portEnd: number | null;
  useCount: number;
  createdAt: number;
  lastUsedAt: number | null;
  removedAt: number | null;
}

/** The right to use a worktree of the pool; ended ones stay for the figures. */
export interface LeaseRow {
  id: string;
  repositoryId: string;
  worktreeId: string;
  fence: number;
  holder: string;
  /** The worktree's at that time; null: HEAD was detached. */
  branch: string | null;
  bind: 'none' | 'connection';
  source: 'new' | 'pool' | 'named' | 'reused';
  /** From the call to the answer. */
  durationMs: number;
  acquiredAt: number;
  expiresAt: number | null;
  releasedAt: number | null;
  outcome: 'done' | 'failed' | null;
}

/** The whole state of a worktree, kept as a commit under `refs/wtd/snapshots/`. */
export interface SnapshotRow {
  id: string;
  repositoryId: string;
  worktreeId: string | null;
  /** Of the worktree, when it was made. */
  name: string;
  branch: string | null;
  base: string | null;
  baseCommit: string;
  commit: string;
  reason: string;
  createdAt: number;
}

/** What was begun with the branch of a plan, for the daemon that finds it half done. */
export type PlanIntent =
  | {
      kind: 'complete';
      tip: string;
      /** The branch that is moved, from one commit to the other. */
      into: string;
      from: string;
      commit: string;
      strategy: MergeStrategy;
      /** The tag that keeps the tip; null: none is wanted. */
      archive: string | null;
      keepWorktree: boolean;
      deleteBranch: boolean;
    }
  /** `keep`: one that stopped at a conflict stays in the worktree until people go on with it or take it back. */
  | { kind: 'rebase'; from: string; onto: string; keep: boolean }
  | { kind: 'abandon'; tip: string | null; archive: string | null };

/** How a plan ended; kept when its branch and its worktree are gone. */
export type PlanOutcome =
  | {
      kind: 'merged';
      tip: string;
      into: string;
      commit: string;
      strategy: MergeStrategy;
      archive: string | null;
      at: number;
    }
  | { kind: 'abandoned'; tip: string | null; archive: string | null; snapshot: string | null; at: number };

/** With each task as it was, for when nobody can look any more. */
export type KeptProgress = Progress & { told: TaskReport[] };

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
  /** What its runs said of its tasks, the last of each. */
  reported: TaskReport[];
  /** How far it was when somebody last looked; kept when the worktree goes. */
  progress: KeptProgress | null;
  /** Null: nothing is under way. */
  intent: PlanIntent | null;
  /** Null: it is neither merged here nor abandoned. */
  outcome: PlanOutcome | null;
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
