import type { Disposal } from '../base/disposal.ts';
import { milliseconds } from '../base/duration.ts';
import type { Ground } from './ground.ts';
import type { Registry } from './registry/registry.ts';
import type { RunRow } from './registry/rows.ts';
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
import { RunModels } from './runs/run-model.ts';
import { Stopping } from './runs/stopping.ts';
import { Supervisor } from './runs/supervisor.ts';
import { UsageMonitor } from './runs/usage.ts';

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
