import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configSchema } from '../../../src/daemon/config-schema.ts';
import {
  combineLimits,
  configuredLimits,
  effectiveLimits,
  findBreaches,
  isLimited,
  noLimits,
  samplesInARow,
  type RunLimits,
  type Seen,
} from '../../../src/daemon/runs/limits.ts';

const quiet: Seen = { memoryMb: [], cpuPercent: [], diskMb: [], runtimeMs: 0, silenceMs: 0 };
const breaches = (limits: Partial<RunLimits>, seen: Partial<Seen>) =>
  findBreaches({ ...noLimits, ...limits }, { ...quiet, ...seen });

describe('what a run uses', () => {
  test.each([
    ['memory', 'maxMemoryMb', 'memoryMb'],
    ['cpu', 'maxCpuPercent', 'cpuPercent'],
    ['disk', 'maxDiskMb', 'diskMb'],
  ] as const)('of %s breaks its limit when the last samples are all over it', (limit, max, samples) => {
    const of = (values: number[]) => breaches({ [max]: 100 }, { [samples]: values });
    expect(of([1, 101, 102, 103])).toEqual([{ limit, value: 103, max: 100 }]);
    for (const values of [[], [900, 900], [101, 100, 101], [900, 900, 900, 1], [100, 100, 100]]) {
      expect(of(values)).toEqual([]);
    }
    expect(breaches({}, { [samples]: [900, 900, 900] })).toEqual([]);
  });

  test('of time breaks its limit when it is over', () => {
    expect(breaches({ maxRuntimeMs: 1000 }, { runtimeMs: 1000 })).toEqual([]);
    expect(breaches({ maxRuntimeMs: 1000 }, { runtimeMs: 1000.7 })).toEqual([
      { limit: 'runtime', value: 1001, max: 1000 },
    ]);
    expect(breaches({ maxSilenceMs: 1000 }, { silenceMs: 5000 })).toMatchObject([{ limit: 'silence', value: 5000 }]);
  });

  test('is unknown of a silence that nobody can hear', () => {
    expect(breaches({ maxSilenceMs: 1 }, { silenceMs: null })).toEqual([]);
  });

  test('breaks nothing without limits, and every limit that is broken is told', () => {
    const use = fc.array(fc.float({ min: 0, noNaN: true }), { maxLength: 6 });
    const seen = fc.record({ memoryMb: use, cpuPercent: use, diskMb: use, runtimeMs: fc.nat(), silenceMs: fc.nat() });
    fc.assert(
      fc.property(seen, (some) => {
        expect(findBreaches(noLimits, some)).toEqual([]);
        const least = { maxMemoryMb: -1, maxCpuPercent: -1, maxDiskMb: -1, maxRuntimeMs: -1, maxSilenceMs: -1 };
        const lasting = [some.memoryMb, some.cpuPercent, some.diskMb].filter(({ length }) => length >= samplesInARow);
        expect(breaches(least, some)).toHaveLength(lasting.length + 2);
      }),
    );
  });
});

describe('the limits in effect', () => {
  const configured: RunLimits = { ...noLimits, maxMemoryMb: 500, maxRuntimeMs: 60_000, onBreach: 'warn' };

  test('are what was asked for, then what is configured', () => {
    expect(effectiveLimits(null, configured)).toEqual(configured);
    expect(effectiveLimits({ maxDiskMb: 7, onBreach: 'stop' }, configured)).toEqual({
      ...configured,
      maxDiskMb: 7,
      onBreach: 'stop',
    });
  });

  test('can be taken away, which is not the same as left out', () => {
    expect(effectiveLimits({ maxMemoryMb: null }, configured).maxMemoryMb).toBeNull();
    expect(effectiveLimits({ maxMemoryMb: undefined }, configured).maxMemoryMb).toBe(500);
  });

  test('are asked for one by one, the later above the earlier', () => {
    expect(combineLimits(null, undefined)).toBeNull();
    expect(combineLimits({ maxDiskMb: 1 }, undefined)).toEqual({ maxDiskMb: 1 });
    const before = { maxDiskMb: 1, maxMemoryMb: 2 };
    expect(combineLimits(before, { maxDiskMb: null, maxMemoryMb: undefined })).toEqual({
      maxDiskMb: null,
      maxMemoryMb: 2,
    });
  });

  test('come from the configuration in its own words', () => {
    expect(configuredLimits(configSchema.parse({}))).toEqual(noLimits);
    const config = configSchema.parse({
      worktrees: { resource_limits: { max_disk_mb: 1, max_memory_mb: 2, max_cpu_percent: 3 } },
      limits: { max_runtime: '1m', max_silence: '5s', on_breach: 'pause' },
    });
    expect(configuredLimits(config)).toEqual({
      maxDiskMb: 1,
      maxMemoryMb: 2,
      maxCpuPercent: 3,
      maxRuntimeMs: 60_000,
      maxSilenceMs: 5000,
      onBreach: 'pause',
    });
  });

  test('are none when only the action is said', () => {
    expect(isLimited({ ...noLimits, onBreach: 'pause' })).toBe(false);
    expect(isLimited(configured)).toBe(true);
  });
});
