import { milliseconds } from '../../base/duration.ts';
import type { LimitName, LimitsAsked } from '../../contract/models.ts';
import type { Config } from '../config-schema.ts';

/** What a run may use; null: as much as it likes. CPU in percent of one core. */
export interface RunLimits {
  maxMemoryMb: number | null;
  maxCpuPercent: number | null;
  maxDiskMb: number | null;
  maxRuntimeMs: number | null;
  maxSilenceMs: number | null;
  onBreach: 'stop' | 'pause' | 'warn';
}

export const noLimits: RunLimits = {
  maxMemoryMb: null,
  maxCpuPercent: null,
  maxDiskMb: null,
  maxRuntimeMs: null,
  maxSilenceMs: null,
  onBreach: 'stop',
};

/** The limits of a run of which nobody said anything. */
export function configuredLimits({ worktrees: { resource_limits }, limits }: Config): RunLimits {
  const span = (text: string | null) => (text === null ? null : milliseconds(text));
  return {
    maxMemoryMb: resource_limits.max_memory_mb,
    maxCpuPercent: resource_limits.max_cpu_percent,
    maxDiskMb: resource_limits.max_disk_mb,
    maxRuntimeMs: span(limits.max_runtime),
    maxSilenceMs: span(limits.max_silence),
    onBreach: limits.on_breach,
  };
}

/** What was asked for before, with what is asked for now above it; null when nobody asked for anything. */
export function combineLimits(before: LimitsAsked | null, now: LimitsAsked | undefined): LimitsAsked | null {
  return now === undefined ? before : { ...before, ...said(now) };
}

/** What was asked for above what is configured. A limit that was asked to be null stays null. */
export const effectiveLimits = (asked: LimitsAsked | null, configured: RunLimits): RunLimits => ({
  ...configured,
  ...said(asked ?? {}),
});

const said = (asked: LimitsAsked): Partial<RunLimits> =>
  Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));

/** Whether there is anything to watch. */
export const isLimited = (limits: RunLimits): boolean =>
  Object.entries(limits).some(([name, value]) => name !== 'onBreach' && value !== null);

/** What was seen of a run since it began or was resumed, the newest last; what could not be measured is left out. */
export interface Seen {
  memoryMb: readonly number[];
  cpuPercent: readonly number[];
  diskMb: readonly number[];
  runtimeMs: number;
  /** Null: it has no output that we could look at. */
  silenceMs: number | null;
}

export interface Breach {
  limit: LimitName;
  value: number;
  max: number;
}

/** So many samples in a row must be over a limit; a short peak breaks none. */
export const samplesInARow = 3;

/** The limits that are broken now. Pure. */
export function findBreaches(limits: RunLimits, seen: Seen): Breach[] {
  const lasting = (samples: readonly number[], max: number | null) => {
    const last = samples.slice(-samplesInARow);
    const isOver = max !== null && last.length === samplesInARow && last.every((value) => value > max);
    return isOver ? last.at(-1) : undefined;
  };
  const longer = (spanMs: number | null, max: number | null) =>
    spanMs !== null && max !== null && spanMs > max ? Math.round(spanMs) : undefined;
  const found: [LimitName, number | undefined, number | null][] = [
    ['memory', lasting(seen.memoryMb, limits.maxMemoryMb), limits.maxMemoryMb],
    ['cpu', lasting(seen.cpuPercent, limits.maxCpuPercent), limits.maxCpuPercent],
    ['disk', lasting(seen.diskMb, limits.maxDiskMb), limits.maxDiskMb],
    ['runtime', longer(seen.runtimeMs, limits.maxRuntimeMs), limits.maxRuntimeMs],
    ['silence', longer(seen.silenceMs, limits.maxSilenceMs), limits.maxSilenceMs],
  ];
  return found.flatMap(([limit, value, max]) => (value === undefined || max === null ? [] : [{ limit, value, max }]));
}
