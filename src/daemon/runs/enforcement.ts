import { statSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { unreachable } from '../../base/unreachable.ts';
import type { LimitName, Usage } from '../../contract/models.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { RunRow } from '../registry/rows.ts';
import type { DiskUsage } from './disk-usage.ts';
import type { RunLedger } from './ledger.ts';
import { findBreaches, isLimited, samplesInARow, type Breach, type RunLimits } from './limits.ts';
import { ageMs } from './process-table.ts';
import type { Pausing } from './pausing.ts';
import type { RunDirectories } from './run-directory.ts';
import type { Stopping } from './stopping.ts';

interface Parts {
  registry: Registry;
  ledger: RunLedger;
  stopping: Stopping;
  pausing: Pausing;
  diskUsage: DiskUsage;
  directories: RunDirectories;
  clock: Clock;
  log: Logger;
  graceMs: () => number;
  /** The kernel slows the run down to its limit by itself, so that nothing is left to do. */
  isCpuHeld: (run: RunRow) => Promise<boolean>;
}

/** What is known of a run since it was first seen running. Times are of the monotonic clock, which nobody sets. */
interface Watch {
  /** Of the row when it was made: a run that was paused and resumed begins anew. */
  resumedAt: number | null;
  beganAt: number;
  output: { size: number; changedAt: number } | null;
  memoryMb: number[];
  cpuPercent: number[];
  diskMb: number[];
  diskCount: number;
  hasSample: boolean;
  /** Told once while they last. */
  warned: ReadonlyMap<LimitName, Breach>;
  isActedOn: boolean;
  /** What the kernel holds the run to. */
  held: Set<LimitName>;
}

/** Holds running runs to their limits, by what was seen of them. */
export class Enforcement {
  readonly #parts: Parts;
  /** Of running runs only. */
  readonly #watches = new Map<string, Watch>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The limits that a run is warned about right now. */
  warningsOf(run: string): Breach[] {
    return [...(this.#watches.get(run)?.warned.values() ?? [])];
  }

  /** One look at all runs, with what was just measured of them. */
  look(samples: ReadonlyMap<string, Usage>): void {
    const watched = new Set<string>();
    for (const run of this.#parts.registry.runs.placed()) {
      if (run.state !== 'running' || run.pid === null || run.limits === null || !isLimited(run.limits)) continue;
      watched.add(run.id);
      try {
        this.#lookAt(run, run.limits, samples.get(run.id));
      } catch (error) {
        this.#parts.log.error({ run: run.id, err: error }, 'the limits of a run could not be looked at');
      }
    }
    for (const id of this.#watches.keys()) if (!watched.has(id)) this.#watches.delete(id);
  }

  #lookAt(run: RunRow, limits: RunLimits, usage: Usage | undefined): void {
    const known = this.#watches.get(run.id);
    const watch = known?.resumedAt === run.resumedAt ? known : this.#begin(run, limits);
    this.#watches.set(run.id, watch);
    this.#add(watch, run, usage);
    const now = performance.now();
    if (limits.maxSilenceMs !== null) this.#listen(watch, run, now);
    const breaches = findBreaches(limits, {
      ...watch,
      runtimeMs: now - watch.beganAt,
      silenceMs: watch.output && now - watch.output.changedAt,
    }).filter(({ limit }) => !watch.held.has(limit));
    this.#act(run, { limits, watch, breaches });
  }

  /** An earlier daemon may have seen the run begin; the age of its process tells better than a clock that may be set. */
  #begin(run: RunRow, limits: RunLimits): Watch {
    const wallNow = this.#parts.clock.now();
    const now = performance.now();
    const since = run.resumedAt ?? run.startedAt ?? wallNow;
    const ageOfProcess = run.processStart === null ? undefined : ageMs(run.processStart);
    const agoMs = Math.min(Math.max(0, wallNow - since), ageOfProcess ?? Infinity);
    const isWhole = run.resumedAt === null && ageOfProcess !== undefined;
    const size = limits.maxSilenceMs === null ? undefined : this.#sizeOf(run);
    return {
      resumedAt: run.resumedAt,
      beganAt: now - (isWhole ? ageOfProcess : agoMs),
      output: size === undefined ? null : { size, changedAt: now },
      memoryMb: [],
      cpuPercent: [],
      diskMb: [],
      diskCount: this.#parts.diskUsage.of(run.cwd).count,
      hasSample: false,
      warned: new Map(),
      isActedOn: false,
      held: new Set(),
    };
  }

  #sizeOf(run: RunRow): number | undefined {
    if (run.kind !== 'supervised') return undefined;
    return statSync(this.#parts.directories.logOf(run.id), { throwIfNoEntry: false })?.size;
  }

  /** Only growth counts: what is done to the file later, to save space, is no output. */
  #listen(watch: Watch, run: RunRow, now: number): void {
    const size = watch.output && this.#sizeOf(run);
    if (watch.output && typeof size === 'number' && size !== watch.output.size) watch.output = { size, changedAt: now };
  }

  #add(watch: Watch, run: RunRow, usage: Usage | undefined): void {
    if (usage && watch.hasSample) {
      push(watch.memoryMb, usage.memoryMb);
      push(watch.cpuPercent, usage.cpuPercent);
    }
    watch.hasSample ||= usage !== undefined; // the first one may be of a process that just begins
    const { megabytes, count } = this.#parts.diskUsage.of(run.cwd);
    if (count !== watch.diskCount) push(watch.diskMb, megabytes);
    watch.diskCount = count;
  }

  #act(run: RunRow, about: { limits: RunLimits; watch: Watch; breaches: Breach[] }): void {
    const { limits, watch, breaches } = about;
    const [first] = breaches;
    switch (limits.onBreach) {
      case 'warn':
        for (const breach of breaches) if (!watch.warned.has(breach.limit)) this.#tell(run, breach, 'warn');
        watch.warned = new Map(breaches.map((breach) => [breach.limit, breach]));
        return;
      case 'stop':
      case 'pause':
        if (first && !watch.isActedOn) void this.#interrupt(run, { ...about, breach: first });
        return;
      default:
        unreachable(limits.onBreach);
    }
  }

  async #interrupt(
    run: RunRow,
    { limits, watch, breach }: { limits: RunLimits; watch: Watch; breach: Breach },
  ): Promise<void> {
    const { stopping, pausing, graceMs, isCpuHeld, log } = this.#parts;
    watch.isActedOn = true;
    try {
      if (breach.limit === 'cpu' && (await isCpuHeld(run))) {
        watch.held.add(breach.limit);
        watch.isActedOn = false;
        return;
      }
      this.#tell(run, breach, limits.onBreach);
      if (limits.onBreach === 'pause') await pausing.pause(run.id, breach.limit);
      else await stopping.stop(run.id, { graceMs: graceMs(), force: false, breach: breach.limit });
    } catch (error) {
      watch.isActedOn = false;
      log.error({ run: run.id, limit: breach.limit, err: error }, 'a limit could not be enforced');
    }
  }

  #tell(run: RunRow, breach: Breach, action: RunLimits['onBreach']): void {
    this.#parts.log.warn({ run: run.id, ...breach, action }, 'a run broke a limit');
    this.#parts.ledger.note(run.id, 'run.limit', { ...breach, action });
  }
}

/** Unknown is neither over nor under, and does not count. */
function push(samples: number[], value: number | null): void {
  if (value === null) return;
  samples.push(value);
  if (samples.length > samplesInARow) samples.shift();
}
