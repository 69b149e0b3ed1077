import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Usage } from '../../../src/contract/models.ts';
import { Enforcement } from '../../../src/daemon/runs/enforcement.ts';
import { noLimits, type RunLimits } from '../../../src/daemon/runs/limits.ts';

const hourMs = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An enforcement of one running run, with everything around it in the test's hands. */
function watching(limits: Partial<RunLimits>) {
  const wall = { now: Date.parse('2026-01-01T00:00:00Z') };
  const run = {
    id: 'r',
    kind: 'registered',
    state: 'running',
    pid: 7,
    startedAt: wall.now,
    resumedAt: null as number | null,
  };
  const disk = { megabytes: null as number | null, count: 0 };
  const broken: string[] = [];
  const act = (limit: string) => {
    broken.push(limit);
    return Promise.resolve();
  };
  const enforcement = new Enforcement({
    registry: { runs: { placed: () => [{ ...run, limits: { ...noLimits, ...limits } }] } },
    ledger: { note: () => undefined },
    stopping: { stop: (_: string, { breach }: { breach: string }) => act(breach) },
    pausing: { pause: (_: string, breach: string) => act(breach) },
    diskUsage: { of: () => disk },
    clock: { now: () => wall.now },
    log: { warn: () => undefined, error: expect.unreachable },
    graceMs: () => 0,
    isCpuHeld: () => Promise.resolve(true),
  } as never);
  const look = (usage?: Partial<Usage>) => {
    const sample = { cpuPercent: null, memoryMb: null, diskMb: null, processes: 1, sampledAt: '', ...usage };
    enforcement.look(new Map(usage ? [['r', sample]] : []));
  };
  return { wall, run, disk, broken, look };
}

describe('a clock that is set', () => {
  test('forth makes no run older, and back makes none younger', () => {
    const { wall, broken, look } = watching({ maxRuntimeMs: hourMs });
    look();
    wall.now += 1000 * hourMs;
    look();
    expect(broken).toEqual([]);
    wall.now -= 2000 * hourMs;
    vi.advanceTimersByTime(hourMs + 1);
    look();
    expect(broken).toEqual(['runtime']);
  });

  test('back before a daemon sees a run for the first time lets it begin then', () => {
    const { wall, broken, look } = watching({ maxRuntimeMs: hourMs });
    wall.now -= 5 * hourMs;
    look();
    vi.advanceTimersByTime(hourMs - 1);
    look();
    expect(broken).toEqual([]);
    vi.advanceTimersByTime(2);
    look();
    expect(broken).toEqual(['runtime']);
  });
});

test('what an earlier daemon saw of the running time counts', () => {
  const { wall, broken, look } = watching({ maxRuntimeMs: hourMs });
  wall.now += hourMs + 1;
  look();
  expect(broken).toEqual(['runtime']);
});

test('a run that was resumed between two looks begins anew', () => {
  const { wall, run, broken, look } = watching({ maxRuntimeMs: hourMs });
  look();
  vi.advanceTimersByTime(hourMs - 1);
  run.resumedAt = wall.now;
  look();
  vi.advanceTimersByTime(hourMs - 1);
  look();
  expect(broken).toEqual([]);
});

test('the first sample of a run does not count, and neither does one that tells nothing', () => {
  const { broken, look } = watching({ maxMemoryMb: 50 });
  for (const memoryMb of [99, 99, 99, null, null]) look({ memoryMb });
  look();
  expect(broken).toEqual([]);
  look({ memoryMb: 99 });
  expect(broken).toEqual(['memory']);
  look({ memoryMb: 99 });
  expect(broken, 'while it is being ended').toEqual(['memory']);
});

test('one measurement of the disk counts once, however often it is looked at', () => {
  const { disk, broken, look } = watching({ maxDiskMb: 50 });
  disk.megabytes = 99;
  for (disk.count = 1; disk.count <= 3; disk.count++) {
    expect(broken).toEqual([]);
    for (let looks = 0; looks < 5; looks++) look({});
  }
  expect(broken).toEqual([]);
  look({});
  expect(broken).toEqual(['disk']);
});

test('what the kernel enforces is left to it', () => {
  const { broken, look } = watching({ maxCpuPercent: 50 });
  for (let samples = 0; samples < 10; samples++) look({ cpuPercent: 99 });
  expect(broken).toEqual([]);
});
