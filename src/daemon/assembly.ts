import type { Disposal } from '../base/disposal.ts';
import { milliseconds } from '../base/duration.ts';
import { connect } from '../client/connect.ts';
import { Retention } from './cleanup/retention.ts';
import { Sweeper } from './cleanup/sweeper.ts';
import { runCommand } from './commands/commands.ts';
import { Journal } from './events/journal.ts';
import type { Ground } from './ground.ts';
import type { LifeCycle } from './life-cycle.ts';
import type { Services } from './methods/handler.ts';
import type { Queue } from './plans/queue.ts';
import { Runs } from './plans/runs.ts';
import { Doctor } from './reconcile/doctor.ts';
import { readFacts } from './reconcile/facts.ts';
import type { Recovery } from './reconcile/recovery.ts';
import { Restore } from './reconcile/restore.ts';
import type { Registry } from './registry/registry.ts';
import type { RepositoryRow, RunRow } from './registry/rows.ts';
import { DiskSpaces } from './runs/disk-space.ts';
import { DiskUsage } from './runs/disk-usage.ts';
import { Enforcement } from './runs/enforcement.ts';
import { Executors } from './runs/executors.ts';
import { RunLedger } from './runs/ledger.ts';
import { Leftovers } from './runs/leftovers.ts';
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
import type { buildPlans } from './plan-assembly.ts';
import { startedBy } from './service/started-by.ts';
import { DaemonStatus } from './status/daemon-status.ts';
import { Machine } from './status/machine.ts';
import { PortList } from './status/port-list.ts';
import { Status } from './status/status.ts';

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
  const diskUsage = undo.use(new DiskUsage({ ...measured, places: () => placesOf(registry) }));
  const diskMbOf = (run: string) => diskUsage.of(registry.runs.get(run)?.cwd ?? null).megabytes;
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
  const leftovers = new Leftovers({ registry, roots, socket: paths.socket });
  const registered = new RegisteredRuns({ ...ground, ledger, onError, isEnding });
  const runModels = new RunModels({ registry, clock, usage, directories });
  const kept = { directories, mirror, executors, ledger, disks, diskUsage, usage, intervalMs, graceMs };
  return { ...kept, supervisor, stopping, pausing, leftovers, registered, runModels };
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

export type Watched = ReturnType<typeof buildRuns> & ReturnType<typeof buildWatches>;

/** The worktrees whose disk space is measured; one that is being made or taken away is not. */
function placesOf(registry: Registry) {
  const running = registry.runs.placed().filter(({ state }) => state === 'running' || state === 'paused');
  const limitsIn = new Map(running.map(({ cwd, limits }) => [cwd, limits]));
  const useOf = (path: string) => {
    if (!limitsIn.has(path)) return 'idle';
    return (limitsIn.get(path)?.maxDiskMb ?? null) === null ? 'unlimited' : 'limited';
  };
  const whole = registry.worktrees.live().filter(({ state }) => state !== 'creating' && state !== 'cleaning');
  return whole.map(({ path }) => ({ path, use: useOf(path) }) as const);
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

export function buildSweeper({ ground, runs, plans }: Built, isEnding: () => boolean): Sweeper {
  const settingsOf = async (repository: RepositoryRow) => (await plans.settings.of(repository)).worktrees;
  return new Sweeper({ ...ground, ...runs, ...plans, home: ground.paths.home, settingsOf, isEnding });
}

export function buildServices(
  { ground, runs, plans }: Built,
  own: { lifecycle: LifeCycle; doctor: Doctor; sweeper: Sweeper },
): Services {
  const { lifecycle, doctor, sweeper } = own;
  const { registry, configuration, clock, paths } = ground;
  const { home, socket } = paths;
  const daemonStatus = new DaemonStatus({ registry, clock, socket, home });
  const machine = new Machine({ disks: runs.disks, configuration, home });
  return {
    configuration,
    repositories: plans.repositories,
    plans: plans.plans,
    planTasks: plans.planTasks,
    currentPlan: plans.currentPlan,
    conflicts: plans.conflicts,
    mergeOrders: plans.mergeOrders,
    planUpdates: plans.planUpdates,
    rebasing: plans.rebasing,
    abandoning: plans.abandoning,
    completions: plans.completions,
    worktrees: plans.worktrees,
    worktreeList: plans.worktreeList,
    adoption: plans.adoption,
    worktreeHealth: plans.worktreeHealth,
    pool: plans.pool,
    poolUpkeep: plans.poolUpkeep,
    runs: new Runs({ ...ground, ...runs, repositories: plans.repositories, models: runs.runModels }),
    runLogs: new RunLogs(runs.ledger, runs.directories),
    registered: runs.registered,
    journal: new Journal(registry),
    worktreeSnapshots: plans.worktreeSnapshots,
    status: new Status({
      ...ground,
      ...plans,
      daemonStatus,
      machine,
      moreWarnings: () => [...doctor.warnings(), ...sweeper.warnings()],
    }),
    daemonStatus,
    portList: new PortList(registry),
    sweeper,
    doctor,
    lifecycle,
  };
}

export function buildSchedule(
  { ground, runs, plans }: Built,
  work: { queue: Queue; recovery: Recovery; doctor: Doctor; sweeper: Sweeper },
): Schedule {
  const { configuration, log, clock, paths } = ground;
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
      cleanup: async (isDue) => {
        await retention.apply();
        if (isDue) await work.sweeper.runOnSchedule();
      },
    },
    dueFile: paths.cleanupDue,
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
