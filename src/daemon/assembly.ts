import type { buildPlans } from './plan-assembly.ts';
import type { Watched } from './run-assembly.ts';
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
import type { RepositoryRow } from './registry/rows.ts';
import { RunLogs } from './runs/run-logs.ts';
import { Schedule } from './schedule.ts';
import { createReadiness } from './service/readiness.ts';
import { startedBy } from './service/started-by.ts';
import { DaemonStatus } from './status/daemon-status.ts';
import { Machine } from './status/machine.ts';
import { PortList } from './status/port-list.ts';
import { Status } from './status/status.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const notifyTimeoutMs = 5000;

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
