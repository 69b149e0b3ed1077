import type { Clock } from '../base/clock.ts';
import type { Disposal } from '../base/disposal.ts';
import { milliseconds } from '../base/duration.ts';
import { connect } from '../client/connect.ts';
import { Retention } from './cleanup/retention.ts';
import { runCommand } from './commands/commands.ts';
import type { Configuration } from './config.ts';
import { Journal } from './events/journal.ts';
import type { Git } from './git/git.ts';
import type { LifeCycle } from './life-cycle.ts';
import type { Logger } from './log.ts';
import type { Services } from './methods/handler.ts';
import type { Paths } from './paths.ts';
import { PlanFactsReader } from './plans/plan-facts.ts';
import { Launcher } from './plans/launcher.ts';
import { PlanModels } from './plans/plan-model.ts';
import { Plans } from './plans/plans.ts';
import type { Queue } from './plans/queue.ts';
import { Runs } from './plans/runs.ts';
import { Starter } from './plans/starter.ts';
import type { Recovery } from './reconcile/recovery.ts';
import type { Registry } from './registry/registry.ts';
import { Repositories } from './repositories/repositories.ts';
import { DiskSpaces } from './runs/disk-space.ts';
import { Executors } from './runs/executors.ts';
import { RunLedger } from './runs/ledger.ts';
import { RegisteredRuns } from './runs/registered.ts';
import { Roots, rootsOf } from './runs/roots.ts';
import { RunDirectories } from './runs/run-directory.ts';
import { RunLogs } from './runs/run-logs.ts';
import { RunModels } from './runs/run-model.ts';
import { Stopping } from './runs/stopping.ts';
import { Supervisor } from './runs/supervisor.ts';
import { UsageMonitor } from './runs/usage.ts';
import { Schedule } from './schedule.ts';
import { createReadiness } from './service/readiness.ts';
import { DaemonStatus } from './status/daemon-status.ts';
import { Machine } from './status/machine.ts';
import { Status } from './status/status.ts';
import { Worktrees } from './worktrees/worktrees.ts';

/** What everything else is built on. */
export interface Ground {
  paths: Paths;
  configuration: Configuration;
  log: Logger;
  registry: Registry;
  clock: Clock;
  git: Git;
  bootId: string;
  environment: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const notifyTimeoutMs = 5000;

export function buildRuns(ground: Ground, undo: Disposal, isEnding: () => boolean) {
  const { configuration, registry, clock, paths, log } = ground;
  const onError = (error: unknown) => {
    log.error({ err: error }, 'a run could not be looked at');
  };
  const directories = new RunDirectories(paths.runs);
  const executors = new Executors(ground);
  const roots = new Roots({ ...ground, executors, directories });
  const usage = undo.use(
    new UsageMonitor({
      clock,
      intervalMs: () => milliseconds(configuration.current.limits.sample_interval),
      runs: () =>
        registry.runs
          .placed()
          .filter(({ pid }) => pid !== null)
          .map((run) => rootsOf(run, ground.bootId)),
      onError,
    }),
  );
  const ledger = new RunLedger({ registry, clock, usage, onError });
  const leftoverGraceMs = () => milliseconds(configuration.current.orchestrator.shutdown_timeout);
  const supervisor = undo.use(new Supervisor({ ...ground, ledger, executors, roots, directories, leftoverGraceMs }));
  const stopping = new Stopping({ ...ground, ledger, roots });
  const registered = new RegisteredRuns({ ...ground, ledger, onError, isEnding });
  const runModels = new RunModels({ registry, clock, usage, directories });
  return {
    directories,
    executors,
    ledger,
    usage,
    supervisor,
    stopping,
    registered,
    runModels,
    disks: new DiskSpaces(),
  };
}

export function buildPlans(ground: Ground, runs: ReturnType<typeof buildRuns>, isEnding: () => boolean) {
  const { registry, git, paths } = ground;
  const socket = paths.socket;
  const repositories = new Repositories(ground);
  const worktrees = new Worktrees(ground);
  const facts = new PlanFactsReader(registry, git);
  const launcher = new Launcher({ ...ground, ...runs, worktrees, facts, socket });
  const starter = new Starter({ ...ground, ...runs, launcher, socket, isEnding });
  const planModels = new PlanModels({ ...ground, ...runs, facts });
  const plans = new Plans({
    ...ground,
    ...runs,
    repositories,
    worktrees,
    launcher,
    starter,
    facts,
    models: planModels,
  });
  return { repositories, worktrees, facts, launcher, planModels, plans };
}

export interface Built {
  ground: Ground;
  runs: ReturnType<typeof buildRuns>;
  plans: ReturnType<typeof buildPlans>;
}

export function buildServices({ ground, runs, plans }: Built, lifecycle: LifeCycle): Services {
  const { registry, configuration, clock, paths } = ground;
  const { home, socket } = paths;
  const daemonStatus = new DaemonStatus({ registry, clock, socket, home });
  const machine = new Machine({ disks: runs.disks, configuration, home });
  return {
    configuration,
    repositories: plans.repositories,
    plans: plans.plans,
    runs: new Runs({ ...ground, ...runs, repositories: plans.repositories, models: runs.runModels }),
    runLogs: new RunLogs(runs.ledger, runs.directories),
    registered: runs.registered,
    journal: new Journal(registry),
    status: new Status({ ...ground, ...plans, daemonStatus, machine }),
    daemonStatus,
    lifecycle,
  };
}

export function buildSchedule({ ground, runs, plans }: Built, work: { queue: Queue; recovery: Recovery }): Schedule {
  const { configuration, log } = ground;
  const retention = new Retention({ ...ground, ...runs, ...plans });
  return new Schedule({
    configuration,
    log,
    jobs: {
      reconcile: async () => {
        await runs.registered.check();
        await work.recovery.attendAll();
        work.queue.advance();
      },
      cleanup: () => retention.apply(),
    },
  });
}

export function buildReadiness(environment: Environment, { paths, log, environment: own }: Ground) {
  return createReadiness({
    environment,
    run: async (program, args, variables) => {
      await runCommand({ program, args, env: { ...own, ...variables }, timeoutMs: notifyTimeoutMs });
    },
    selfCheck: async () => {
      await using client = await connect({ socketPath: paths.socket, start: null });
      await client.call('daemon.status', {});
    },
    report: (failure) => {
      log.error({ err: failure }, 'the self-check failed');
    },
  });
}
