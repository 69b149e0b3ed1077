import * as z from 'zod';

/** ISO 8601 in UTC, ending in `Z`. */
const time = z.string();
/** 1 MB is 1,000,000 bytes. */
const megabytes = z.number();

export const activeRunStates = ['queued', 'starting', 'running', 'paused', 'stopping'] as const;
export const endedRunStates = ['succeeded', 'failed', 'stopped', 'lost'] as const;
export const runState = z.enum([...activeRunStates, ...endedRunStates]);
export const limitName = z.enum(['memory', 'cpu', 'disk', 'runtime', 'silence']);
export const runReason = z.enum(['exit', 'signal', 'spawn', ...limitName.options, 'reboot', 'killed']);

export const breachAction = z.enum(['stop', 'pause', 'warn']);

/** What a run may use; null: as much as it likes. */
export const limits = z.object({
  maxMemoryMb: megabytes.nullable(),
  maxCpuPercent: z.number().nullable(),
  maxDiskMb: megabytes.nullable(),
  maxRuntimeMs: z.int().nullable(),
  maxSilenceMs: z.int().nullable(),
  onBreach: breachAction,
});

/** What somebody said about limits; what was not said comes from elsewhere. */
export const limitsAsked = limits.partial();

export const repository = z.object({
  id: z.string(),
  name: z.string(),
  path: z.string(),
  commonDir: z.string(),
  defaultBranch: z.string().nullable(),
  description: z.string().nullable(),
  channels: z.array(z.string()),
  /** False again once the file with its own commands has changed. */
  trusted: z.boolean(),
  /** What its own `wtd.yaml` asks to run in fresh worktrees and before a merge; only once they are trusted. */
  commands: z.array(z.array(z.string())),
  addedAt: time,
});

export const portRange = z.object({ start: z.int(), end: z.int() });

export const lease = z.object({
  id: z.string(),
  fence: z.int(),
  worktree: z.string(),
  holder: z.string(),
  bind: z.enum(['none', 'connection']),
  expiresAt: time.nullable(),
});

/** What became of making a fresh worktree usable; null where nothing was to be done. */
const setup = z.object({
  state: z.enum(['running', 'done', 'failed']),
  /** What was done or failed, in a sentence. */
  detail: z.string(),
  /** What its commands printed. */
  logPath: z.string().nullable(),
});

export const worktree = z.object({
  id: z.string(),
  name: z.string(),
  repository: z.string(),
  branch: z.string().nullable(),
  base: z.string().nullable(),
  path: z.string(),
  kind: z.enum(['plan', 'named', 'pool', 'session', 'adopted']),
  state: z.enum(['creating', 'available', 'in_use', 'cleaning', 'failed', 'removed']),
  declared: z.enum(['active', 'merged', 'abandoned', 'error']),
  conditions: z.array(z.enum(['missing', 'merged', 'stale', 'conflicted', 'dirty'])),
  ports: portRange.nullable(),
  lease: lease.nullable(),
  plan: z.string().nullable(),
  task: z.string().nullable(),
  /** False: git lists it, but wtd neither made nor adopted it; its id is its path then. */
  owned: z.boolean(),
  setup: setup.nullable(),
  pr: z.object({ number: z.int(), url: z.string().nullable() }).nullable(),
  useCount: z.int(),
  diskMb: megabytes.nullable(),
  createdAt: time,
  lastUsedAt: time.nullable(),
  removedAt: time.nullable(),
  snapshot: z.string().nullable(),
});

export const snapshot = z.object({
  id: z.string(),
  repository: z.string(),
  /** Id of the worktree; null when that is forgotten. */
  worktree: z.string().nullable(),
  /** Of the worktree, when it was made. */
  name: z.string(),
  branch: z.string().nullable(),
  commit: z.string(),
  reason: z.string(),
  createdAt: time,
});

/** Why something would be lost. */
export const blocker = z.object({ code: z.string(), message: z.string() });

const usage = z.object({
  cpuPercent: z.number().nullable(),
  memoryMb: megabytes.nullable(),
  diskMb: megabytes.nullable(),
  processes: z.int(),
  sampledAt: time,
});

const peak = z.object({
  cpuPercent: z.number().nullable(),
  memoryMb: megabytes.nullable(),
  diskMb: megabytes.nullable(),
});

export const run = z.object({
  id: z.string(),
  plan: z.string(),
  repository: z.string(),
  attempt: z.int(),
  executor: z.string(),
  kind: z.enum(['supervised', 'registered']),
  state: runState,
  reason: runReason.nullable(),
  /** The command's own process, not its parent's. */
  pid: z.int().nullable(),
  command: z.array(z.string()),
  cwd: z.string().nullable(),
  worktree: z.string().nullable(),
  queuePosition: z.int().nullable(),
  queuedAt: time,
  startedAt: time.nullable(),
  endedAt: time.nullable(),
  durationMs: z.int().nullable(),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  logPath: z.string().nullable(),
  usage: usage.nullable(),
  peak,
  limits,
  lastHeartbeatAt: time.nullable(),
});

const counts = z.object({
  total: z.int(),
  completed: z.int(),
  inProgress: z.int(),
  failed: z.int(),
  skipped: z.int(),
  percent: z.number(),
});

const progress = counts.extend({
  currentPhase: z.string().nullable(),
  phases: z.array(counts.extend({ number: z.int(), title: z.string() })),
});

export const taskStatus = z.enum(['pending', 'in_progress', 'completed', 'failed', 'skipped']);

/** What somebody says of a task of a plan file. */
export const taskReport = z.object({ id: z.string(), status: taskStatus, note: z.string().nullable() });

/** A task of a plan; without a plan file one that somebody told of. */
export const task = z.object({
  id: z.string(),
  text: z.string().nullable(),
  /** The title of its phase. */
  phase: z.string().nullable(),
  status: taskStatus,
  source: z.enum(['reported', 'status', 'checkbox']),
  note: z.string().nullable(),
  depends: z.array(z.string()),
  /** Those it depends on that are not done yet. */
  blockedBy: z.array(z.string()),
});

export const mergeStrategy = z.enum(['merge', 'squash', 'ff']);

export const completionStep = z.enum([
  'merge',
  'verify',
  'archive',
  'move',
  'record',
  'remove_worktree',
  'delete_branch',
  'pull_request',
]);

/** How a plan ended; what does not apply is null. */
const outcome = z.object({
  kind: z.enum(['merged', 'abandoned']),
  /** The last commit of its branch. */
  tip: z.string().nullable(),
  /** The branch that has it now, and the commit that brought it there. */
  into: z.string().nullable(),
  commit: z.string().nullable(),
  strategy: mergeStrategy.nullable(),
  /** The tag that keeps the tip. */
  archive: z.string().nullable(),
  /** Id of the snapshot of its worktree. */
  snapshot: z.string().nullable(),
  at: time,
});

export const plan = z.object({
  name: z.string(),
  repository: z.string(),
  branch: z.string(),
  base: z.string().nullable(),
  file: z.string().nullable(),
  command: z.array(z.string()),
  dependsOn: z.array(z.string()),
  /** What was asked for it; what was not said comes from the configuration. */
  limits: limitsAsked.nullable(),
  state: z.enum(['idle', ...activeRunStates, ...endedRunStates, 'completed', 'abandoned']),
  worktree: worktree.nullable(),
  ports: portRange.nullable(),
  progress: progress.nullable(),
  run: run.nullable(),
  git: z
    .object({
      ahead: z.int().nullable(),
      behind: z.int().nullable(),
      dirty: z.boolean().nullable(),
      conflictsWith: z.array(z.string()),
    })
    .nullable(),
  outcome: outcome.nullable(),
  createdAt: time,
  lastActivityAt: time,
  warnings: z.array(z.string()),
});

/** Something that git, the database, the disk and the process table say differently. */
export const finding = z.object({
  kind: z.enum([
    'worktree_without_row',
    'row_without_worktree',
    'orphan_branch',
    'prunable_entry',
    'port_without_owner',
    'run_directory_without_row',
    'process_without_run',
    'row_without_repository',
    'interrupted_completion',
  ]),
  /** A path, a branch, a plan, the id of a run or a pid, as the kind says. */
  subject: z.string(),
  repository: z.string().nullable(),
  detail: z.string(),
  repaired: z.boolean(),
  /** What people shall do; null once it is repaired. */
  advice: z.string().nullable(),
});

export const event = z.object({
  seq: z.int(),
  at: time,
  type: z.string(),
  repository: z.string().nullable(),
  plan: z.string().nullable(),
  run: z.string().nullable(),
  worktree: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});

export type Limits = z.infer<typeof limits>;
export type LimitsAsked = z.infer<typeof limitsAsked>;
export type LimitName = z.infer<typeof limitName>;
export type RunState = z.infer<typeof runState>;
export type RunReason = z.infer<typeof runReason>;
export type Repository = z.infer<typeof repository>;
export type PortRange = z.infer<typeof portRange>;
export type Worktree = z.infer<typeof worktree>;
export type Lease = z.infer<typeof lease>;
export type Snapshot = z.infer<typeof snapshot>;
export type Usage = z.infer<typeof usage>;
export type Peak = z.infer<typeof peak>;
export type Run = z.infer<typeof run>;
export type Progress = z.infer<typeof progress>;
export type Counts = z.infer<typeof counts>;
export type TaskStatus = z.infer<typeof taskStatus>;
export type TaskReport = z.infer<typeof taskReport>;
export type Task = z.infer<typeof task>;
export type MergeStrategy = z.infer<typeof mergeStrategy>;
export type CompletionStep = z.infer<typeof completionStep>;
export type Plan = z.infer<typeof plan>;
export type Finding = z.infer<typeof finding>;
export type Event = z.infer<typeof event>;
