import { systemClock } from '../base/clock.ts';
import { Disposal } from '../base/disposal.ts';
import { forChild } from '../base/environment.ts';
import { armFault } from '../base/fault-point.ts';
import { version } from '../base/version.ts';
import type { WtdError } from '../contract/errors.ts';
import { moveClock } from '../base/wrong-clock.ts';
import { ClockWatch } from './clock-watch.ts';
import { Configuration } from './config.ts';
import { readMostDescriptors } from './descriptors.ts';
import { createDispatch } from './dispatch.ts';
import { logEvents } from './events/event-log.ts';
import { Git } from './git/git.ts';
import { clearTrials } from './git/trial-merges.ts';
import type { Ground } from './ground.ts';
import { HomeWatch } from './home-watch.ts';
import { prepareHome } from './home.ts';
import { LifeCycle } from './life-cycle.ts';
import { openLog } from './log.ts';
import { daemonPaths } from './paths.ts';
import { Queue } from './plans/queue.ts';
import { Recovery } from './reconcile/recovery.ts';
import { holdLock } from './registry/lock.ts';
import { Registry } from './registry/registry.ts';
import { readBootId } from './runs/identity.ts';
import { activatedSocket } from './service/readiness.ts';
import { Sparing } from './sparing.ts';
import { SocketServer } from './socket-server.ts';
import { buildDoctor, buildReadiness, buildRestore, buildSchedule, buildServices, buildSweeper } from './assembly.ts';
import { buildPlans } from './plan-assembly.ts';
import { buildRuns, buildWatches } from './run-assembly.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Lives until it is told to end; answers the exit code. `announce` is called once, when it serves.
 * Throws WtdError when it may not or cannot start, and then nothing has changed; or when it may not go on.
 */
export async function runDaemon(environment: Environment, announce: (socket: string) => void): Promise<number> {
  armFault(environment);
  moveClock(environment);
  await using undo = new Disposal();
  const ground = await lay(environment, undo);
  const { configuration, log, paths } = ground;
  const isEnding = () => lifeCycle.isEnding;
  const built = buildRuns(ground, undo, isEnding);
  const runs = { ...built, ...buildWatches(ground, built, undo) };
  const plans = buildPlans(ground, runs, isEnding);
  const queue = undo.use(new Queue({ ...ground, ...runs, ...plans }));
  const lifeCycle = undo.use(new LifeCycle({ ...ground, ...plans, queue }));
  const doctor = buildDoctor({ ground, runs, plans }, environment);
  const sweeper = buildSweeper({ ground, runs, plans }, isEnding);
  const services = buildServices({ ground, runs, plans }, { lifecycle: lifeCycle, doctor, sweeper });
  const checkResults = environment['WTD_CHECK_RESULTS'] === '1';
  const dispatch = createDispatch({ services, log, checkResults, home: paths.home, isEnding });
  const server = new SocketServer({ dispatch, log, mostDescriptors: readMostDescriptors() });
  services.daemonStatus.countConnections(() => server.connectionCount);

  const recovery = new Recovery({ ...ground, ...runs, ...plans, restore: buildRestore(ground, runs) });
  const { adopted } = await recovery.recover();
  await plans.pool.releaseBound();
  const handedOver = activatedSocket(environment, process.pid);
  await server.listen({ path: paths.socket, handedOver });
  undo.use(server);
  undo.defer(() => dispatch.drain());
  undo.use(plans.setup);

  runs.usage.start();
  runs.logLimit.start();
  runs.diskUsage.start();
  runs.machineCpu.start();
  queue.open();
  undo.use(plans.poolUpkeep).start();
  undo.use(plans.conflictWatch).start();
  const schedule = undo.use(buildSchedule({ ground, runs, plans }, { queue, recovery, doctor, sweeper }));
  schedule.start();
  const readiness = undo.use(buildReadiness(environment, ground));
  lifeCycle.onReload(async () => {
    log.level = configuration.current.log.level;
    await schedule.restart();
    queue.advance();
  });
  lifeCycle.tell({ type: 'daemon.started', data: { pid: process.pid, version, adopted } });
  undo.use(watchHome(ground, { server, lifeCycle }));
  runs.mirror.keepLatest().catch((error: unknown) => {
    log.warn({ err: error }, 'what is known of runs could not be kept beside them');
  });
  const ended = lifeCycle.untilEnd(readiness); // signals are served before anybody is told that it is up
  await readiness.notifyReady();
  announce(paths.socket);
  void runs.executors.probe();
  const exitCode = await ended;
  await readiness.notifyStopping();
  return exitCode;
}

function watchHome(
  { paths, registry, log }: Ground,
  { server, lifeCycle }: { server: SocketServer; lifeCycle: LifeCycle },
) {
  const failures = new Sparing((times, error) => {
    log.error({ times, err: error }, 'the database is not where it was');
  });
  const keepDatabase = () => {
    try {
      if (registry.keepOnDisk()) log.warn('the database was taken away and is written again');
    } catch (error) {
      failures.tell(error);
    }
  };
  const keepReachable = () => server.keepReachable();
  const onLost = (loss: WtdError) => {
    lifeCycle.fail(loss);
  };
  return new HomeWatch({ paths, keepReachable, keepDatabase, onLost });
}

/** The lock comes before everything that another daemon of this home could be changing. */
async function lay(environment: Environment, undo: Disposal): Promise<Ground> {
  const paths = daemonPaths(environment);
  await prepareHome(paths);
  const lock = holdLock(paths.lock);
  undo.defer(() => {
    lock[Symbol.dispose]();
  });
  await clearTrials(paths.trials);
  const configuration = await Configuration.load(paths.config);
  const log = openLog(paths.logs, () => configuration.current.log);
  const registry = new Registry({ file: paths.database, runsDirectory: paths.runs, clock: systemClock });
  undo.defer(() => {
    registry[Symbol.dispose]();
  });
  logEvents(registry, log);
  const clockWatch = undo.use(new ClockWatch({ clock: systemClock, log, lastSeen: registry.events.newestAt() }));
  const own = forChild(environment);
  return {
    paths,
    configuration,
    log,
    registry,
    clock: systemClock,
    clockWatch,
    git: new Git(own),
    bootId: await readBootId(),
    environment: own,
  };
}
