import type { Clock } from '../base/clock.ts';
import type { Disposal } from '../base/disposal.ts';
import { milliseconds } from '../base/duration.ts';
import { UnderWay } from '../base/under-way.ts';
import { connect } from '../client/connect.ts';
import { Retention } from './cleanup/retention.ts';
import type { ClockWatch } from './clock-watch.ts';
import { runCommand } from './commands/commands.ts';
import type { Configuration } from './config.ts';
import { Journal } from './events/journal.ts';
import type { Git } from './git/git.ts';
import type { LifeCycle } from './life-cycle.ts';
import type { Logger } from './log.ts';
import type { Services } from './methods/handler.ts';
import type { Paths } from './paths.ts';
import { PlanFactsReader } from './plans/plan-facts.ts';
import { Gate } from './plans/gate.ts';
import { Launcher } from './plans/launcher.ts';
import { PlanModels } from './plans/plan-model.ts';
import { Plans } from './plans/plans.ts';
import type { Queue } from './plans/queue.ts';
import { Runs } from './plans/runs.ts';
import { Starter } from './plans/starter.ts';
import { Doctor } from './reconcile/doctor.ts';
import { readFacts } from './reconcile/facts.ts';
import type { Recovery } from './reconcile/recovery.ts';
import { Restore } from './reconcile/restore.ts';
import type { Registry } from './registry/registry.ts';
import type { RunRow } from './registry/rows.ts';
import { Repositories } from './repositories/repositories.ts';
import { DiskSpaces } from './runs/disk-space.ts';
import { DiskUsage } from './runs/disk-usage.ts';
import { Enforcement } from './runs/enforcement.ts';
import { Executors } from './runs/executors.ts';
import { RunLedger } from './runs/ledger.ts';
import { LogLimit } from './runs/log-limit.ts';
import { Looks } from './runs/looks.ts';
import { MachineCpu } from './runs/machine-cpu.ts';
import { Pausing } from './runs/pausing.ts';
import { RegisteredRuns } from './runs/registered.ts';
import { Roots, rootsOf } from './runs/roots.ts';
import { RunDirectories } from './runs/run-directory.ts';
import { RunMirror } from './runs/run-mirror.ts';
import { RunLogs } from './runs/run-logs.ts';
import { RunModels } from './runs/run-model.ts';
import { Stopping } from './runs/stopping.ts';
import { Supervisor } from './runs/supervisor.ts';
import { UsageMonitor } from './runs/usage.ts';
import { Schedule } from './schedule.ts';
import { createReadiness } from './service/readiness.ts';
import { startedBy } from './service/started-by.ts';
import { DaemonStatus } from './status/daemon-status.ts';
import { Machine } from './status/machine.ts';
import { Status } from './status/status.ts';
import { Allotment } from './worktrees/allotment.ts';
import { Creation } from './worktrees/creation.ts';
import { Handover } from './worktrees/handover.ts';
import { Lending } from './worktrees/lending.ts';
import { PoolLeases } from './worktrees/pool-leases.ts';
import { PoolUpkeep } from './worktrees/pool-upkeep.ts';
import { PoolWaiters } from './worktrees/pool-waiters.ts';
import { Pool } from './worktrees/pool.ts';
import { Recycling } from './worktrees/recycling.ts';
import { Removal } from './worktrees/removal.ts';
import { Restoring } from './worktrees/restoring.ts';
import { Snapshots } from './worktrees/snapshots.ts';
import { WorktreeSnapshots } from './worktrees/worktree-snapshots.ts';

/** What everything else is built on. */
export interface Ground {
  paths: Paths;
  configuration: Configuration;
  log: Logger;
  registry: Registry;
  clock: Clock;
  clockWatch: ClockWatch;
  git: Git;
  bootId: string;
  environment: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const notifyTimeoutMs = 5000;
const bytesPerMegabyte = 1_000_000;

export function buildRuns(ground: Ground, undo: Disposal, isEnding: () => boolean) {
  const { configuration, registry, clock, paths, log } = ground;
  const onError = (error: unknown) => {
    log.error({ err: error }, 'a run could not be looked at');
  };
  const intervalMs = () => milliseconds(configuration.current.limits.sample_interval);
  const graceMs = () => milliseconds(configuration.current.orchestrator.shutdown_timeout);
  const directories = new RunDirectories(paths.runs);
  const mirror = new RunMirror({ ...ground, directories });
  registry.mirrorTo(mirror);
  const executors = new Executors(ground);
  const looks = new Looks();
  const roots = new Roots({ ...ground, executors, directories, looks });
  const disks = new DiskSpaces();
  const measured = { intervalMs, environment: ground.environment, onError };
  const diskUsage = undo.use(new DiskUsage({ ...measured, runs: () => placesOf(registry) }));
  const diskMbOf = (run: string) => diskUsage.of(run).megabytes;
  const trees = () =>
    registry.runs
      .placed()
      .filter(({ pid }) => pid !== null)
      .map((run) => rootsOf(run, ground.bootId));
  const memoryLimitMbOf = (run: string) => registry.runs.get(run)?.limits?.maxMemoryMb ?? null;
  const usage = undo.use(new UsageMonitor({ ...measured, clock, looks, diskMbOf, memoryLimitMbOf, runs: trees }));
  const ledger = new RunLedger({ registry, clock, usage, onError });
  const starting = { ...ground, ledger, executors, roots, directories };
  const supervisor = undo.use(new Supervisor({ ...starting, leftoverGraceMs: graceMs }));
  const stopping = undo.use(new Stopping({ ...ground, ledger, roots }));
  const pausing = new Pausing({ ...ground, ledger, roots });
  const registered = new RegisteredRuns({ ...ground, ledger, onError, isEnding });
  const runModels = new RunModels({ registry, clock, usage, directories });
  const kept = { directories, mirror, executors, ledger, disks, diskUsage, usage, intervalMs, graceMs };
  return { ...kept, supervisor, stopping, pausing, registered, runModels };
}

/** What looks after runs that live: their limits, the length of their output, and how busy the machine is. */
export function buildWatches(ground: Ground, runs: ReturnType<typeof buildRuns>, undo: Disposal) {
  const { configuration } = ground;
  const isCpuHeld = async ({ id }: RunRow) => runs.executors.isCpuHeld(await runs.directories.lastTry(id));
  const enforcement = new Enforcement({ ...ground, ...runs, isCpuHeld });
  runs.usage.onSampled((samples) => {
    enforcement.look(samples);
  });
  const isCpuLimited = () => configuration.current.limits.max_machine_cpu_percent !== null;
  const machineCpu = undo.use(new MachineCpu(isCpuLimited));
  const limitBytes = () => {
    const { max_log_mb: limitMb } = configuration.current.runs;
    return limitMb === null ? null : limitMb * bytesPerMegabyte;
  };
  const logLimit = undo.use(new LogLimit({ ...ground, ...runs, limitBytes }));
  return { enforcement, machineCpu, logLimit };
}

type Watched = ReturnType<typeof buildRuns> & ReturnType<typeof buildWatches>;

/** The worktrees whose disk space is measured. */
const placesOf = (registry: Registry) =>
  registry.runs
    .placed()
    .filter(({ state }) => state === 'running' || state === 'paused')
    .flatMap(({ id: run, cwd: path, limits }) =>
      path === null ? [] : [{ run, path, isLimited: (limits?.maxDiskMb ?? null) !== null }],
    );

function buildWorktrees(ground: Ground, repositories: Repositories, isEnding: () => boolean) {
  const underWay = new UnderWay();
  const allotment = new Allotment(ground);
  const parts = { ...ground, underWay, allotment, home: ground.paths.home };
  const removal = new Removal(parts);
  const creation = new Creation({ ...parts, removal });
  const snapshots = new Snapshots(parts);
  const restoring = new Restoring({ ...ground, creation, snapshots });
  const pool = buildPool(ground, { ...parts, removal, creation, snapshots, repositories, isEnding });
  return { underWay, allotment, removal, creation, snapshots, restoring, ...pool };
}

interface PoolParts {
  underWay: UnderWay;
  allotment: Allotment;
  removal: Removal;
  creation: Creation;
  snapshots: Snapshots;
  repositories: Repositories;
  home: string;
  isEnding: () => boolean;
}

function buildPool(ground: Ground, given: PoolParts) {
  const poolSettings = () => Promise.resolve(ground.configuration.current.worktrees);
  const parts = { ...ground, ...given, poolSettings };
  const recycling = new Recycling(parts);
  const lending = new Lending({ ...parts, recycling });
  const handover = new Handover({ ...parts, lending, recycling });
  const lenders = { poolLeases: new PoolLeases(ground), poolWaiters: new PoolWaiters(), lending, recycling };
  const pool = new Pool({ ...parts, ...lenders });
  const poolUpkeep = new PoolUpkeep({ ...parts, recycling, pool });
  return { recycling, handover, pool, poolUpkeep };
}

export function buildPlans(ground: Ground, runs: Watched, isEnding: () => boolean) {
  const { registry, git, paths } = ground;
  const { socket } = paths;
  const repositories = new Repositories(ground);
  const worktrees = buildWorktrees(ground, repositories, isEnding);
  const facts = new PlanFactsReader(registry, git);
  const launcher = new Launcher({ ...ground, ...runs, ...worktrees, facts, socket });
  const gate = new Gate({ ...ground, ...runs });
  const starter = new Starter({ ...ground, ...runs, launcher, gate, socket, isEnding });
  const planModels = new PlanModels({ ...ground, ...runs, facts, gate });
  const plans = new Plans({
    ...ground,
    ...runs,
    repositories,
    ...worktrees,
    launcher,
    starter,
    facts,
    models: planModels,
  });
  return { ...worktrees, repositories, facts, launcher, gate, planModels, plans };
}

export const buildRestore = (ground: Ground, runs: Watched) =>
  new Restore({ ...ground, ...runs, home: ground.paths.home });

export interface Built {
  ground: Ground;
  runs: Watched;
  plans: ReturnType<typeof buildPlans>;
}

export function buildDoctor({ ground, runs, plans }: Built, environment: Environment): Doctor {
  const facts = () =>
    readFacts({
      git: ground.git,
      service: startedBy(environment),
      executor: () => runs.executors.facts(),
    });
  const { socket, home } = ground.paths;
  const restorer = buildRestore(ground, runs);
  return new Doctor({ ...ground, ...runs, ...plans, socket, home, restorer, facts });
}

export function buildServices({ ground, runs, plans }: Built, lifecycle: LifeCycle, doctor: Doctor): Services {
  const { registry, configuration, clock, paths } = ground;
  const { home, socket } = paths;
  const daemonStatus = new DaemonStatus({ registry, clock, socket, home });
  const machine = new Machine({ disks: runs.disks, configuration, home });
  return {
    configuration,
    repositories: plans.repositories,
    plans: plans.plans,
    pool: plans.pool,
    poolUpkeep: plans.poolUpkeep,
    runs: new Runs({ ...ground, ...runs, repositories: plans.repositories, models: runs.runModels }),
    runLogs: new RunLogs(runs.ledger, runs.directories),
    registered: runs.registered,
    journal: new Journal(registry),
    status: new Status({ ...ground, ...plans, daemonStatus, machine, moreWarnings: () => doctor.warnings() }),
    worktreeSnapshots: new WorktreeSnapshots({ ...ground, ...plans }),
    daemonStatus,
    doctor,
    lifecycle,
  };
}

export function buildSchedule(
  { ground, runs, plans }: Built,
  work: { queue: Queue; recovery: Recovery; doctor: Doctor },
): Schedule {
  const { configuration, log, clock } = ground;
  const retention = new Retention({ ...ground, ...runs, ...plans });
  return new Schedule({
    configuration,
    log,
    clock,
    jobs: {
      reconcile: async () => {
        runs.mirror.catchUp();
        await runs.registered.check();
        await work.recovery.attendAll();
        work.queue.advance();
        await work.doctor.check();
      },
      cleanup: () => retention.apply(),
    },
  });
}

export function buildReadiness(environment: Environment, { paths, log, registry, environment: own }: Ground) {
  return createReadiness({
    environment,
    run: async (program, args, variables) => {
      await runCommand({ program, args, env: { ...own, ...variables }, timeoutMs: notifyTimeoutMs });
    },
    selfCheck: async () => {
      registry.check();
      await using client = await connect({ socketPath: paths.socket, start: null });
      await client.call('daemon.status', {});
    },
    report: (failure) => {
      log.error({ err: failure }, 'the self-check failed');
    },
  });
}
