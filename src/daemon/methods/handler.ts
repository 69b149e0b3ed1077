import type { MethodName, Params, Result, StreamName } from '../../contract/index.ts';
import type { Sweeper } from '../cleanup/sweeper.ts';
import type { Configuration } from '../config.ts';
import type { Journal } from '../events/journal.ts';
import type { CurrentPlan } from '../plans/current-plan.ts';
import type { PlanTasks } from '../plans/tasks/plan-tasks.ts';
import type { Conflicts } from '../plans/conflicts/conflicts.ts';
import type { MergeOrders } from '../plans/conflicts/merge-orders.ts';
import type { Abandoning } from '../plans/homecoming/abandoning.ts';
import type { PlanUpdates } from '../plans/plan-updates.ts';
import type { Completions } from '../plans/homecoming/completions.ts';
import type { Plans } from '../plans/plans.ts';
import type { Rebasing } from '../plans/homecoming/rebasing.ts';
import type { Doctor } from '../reconcile/doctor.ts';
import type { Repositories } from '../repositories/repositories.ts';
import type { RegisteredRuns } from '../runs/registered.ts';
import type { RunLogs } from '../runs/run-logs.ts';
import type { Runs } from '../plans/runs.ts';
import type { PortList } from '../status/port-list.ts';
import type { Pool } from '../worktrees/pool/pool.ts';
import type { PoolUpkeep } from '../worktrees/pool/upkeep.ts';
import type { DaemonStatus } from '../status/daemon-status.ts';
import type { Status } from '../status/status.ts';
import type { WorktreeSnapshots } from '../worktrees/snapshots/worktree-snapshots.ts';
import type { Adoption } from '../worktrees/adoption.ts';
import type { WorktreeHealth } from '../worktrees/health.ts';
import type { WorktreeList } from '../worktrees/worktree-list.ts';
import type { Worktrees } from '../worktrees/worktrees.ts';

/** Everything a handler may call. */
export interface Services {
  configuration: Configuration;
  repositories: Repositories;
  plans: Plans;
  planTasks: PlanTasks;
  currentPlan: CurrentPlan;
  conflicts: Conflicts;
  mergeOrders: MergeOrders;
  planUpdates: PlanUpdates;
  rebasing: Rebasing;
  abandoning: Abandoning;
  completions: Completions;
  worktrees: Worktrees;
  worktreeList: WorktreeList;
  adoption: Adoption;
  worktreeHealth: WorktreeHealth;
  pool: Pool;
  poolUpkeep: PoolUpkeep;
  runs: Runs;
  runLogs: RunLogs;
  registered: RegisteredRuns;
  journal: Journal;
  status: Status;
  worktreeSnapshots: WorktreeSnapshots;
  daemonStatus: DaemonStatus;
  portList: PortList;
  sweeper: Sweeper;
  doctor: Doctor;
  lifecycle: Lifecycle;
}

/** What the daemon does to itself. */
export interface Lifecycle {
  reload(): Promise<void>;
  /** Answers when the runs are as asked; the end follows once the answer is on its way. */
  shutdown(runs: 'keep' | 'stop'): Promise<void>;
}

/** Who asks. */
export interface Caller {
  /** Aborted when the connection is gone. */
  readonly signal: AbortSignal;
  onClose(listener: () => void): void;
}

/** What a stream is told while it gives its items. */
export interface StreamControl {
  readonly signal: AbortSignal;
  /** From now on items come as they happen. */
  readonly live: () => void;
}

export type OpenStream<Item> = (control: StreamControl) => AsyncIterable<Item>;

type Answer<M extends MethodName> = M extends StreamName ? OpenStream<Result<M>> : Result<M>;

/** One method: one call of one service. */
export type Handler<M extends MethodName> = (
  services: Services,
  params: Params<M>,
  caller: Caller,
) => Answer<M> | Promise<Answer<M>>;
