import { expect, onTestFinished, test, vi } from 'vitest';
import { ClockWatch } from '../../src/daemon/clock-watch.ts';
import type { Logger } from '../../src/daemon/log.ts';

const hourMs = 3_600_000;

/** A watch on a clock that the test moves, one millisecond into its first hour. */
function watch(lastSeenMs: number | null = null) {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const start = 1_800_000_000_000;
  let wrongBy = 0;
  const jumps = vi.fn();
  const log = { warn: jumps } as unknown as Logger;
  const clock = { now: () => start + performance.now() + wrongBy };
  const lastSeen = lastSeenMs === null ? null : start + lastSeenMs;
  const watched = new ClockWatch({ clock, log, lastSeen });
  return { watched, jumps, move: (byMs: number) => (wrongBy += byMs) };
}

test('a clock that goes on is trusted, also one that is put right by a second now and then', () => {
  const { watched, jumps, move } = watch();
  for (let minute = 0; minute < 200; minute++) {
    vi.advanceTimersByTime(60_000);
    if (minute % 20 === 0) move(1000);
    expect(watched.isTrusted()).toBe(true);
    if (minute % 20 === 0) move(-1000);
  }
  expect(jumps).not.toHaveBeenCalled();
});

test('a jump of some minutes is told and forgiven', () => {
  const { watched, jumps, move } = watch();
  move(-5 * 60_000);
  vi.advanceTimersByTime(1000);
  expect([jumps.mock.calls.length, watched.isTrusted()]).toEqual([1, true]);
});

test.each([7 * 24 * hourMs, -2 * hourMs])('after a jump of %d ms nothing is old for an hour', (byMs) => {
  const { watched, jumps, move } = watch();
  move(byMs);
  expect(watched.isTrusted()).toBe(false);
  vi.advanceTimersByTime(hourMs - 1000);
  expect(watched.isTrusted()).toBe(false);
  vi.advanceTimersByTime(2000);
  expect([jumps.mock.calls.length, watched.isTrusted()]).toEqual([1, true]);
});

test('a daemon that starts long after the last event, or before it, waits an hour too', () => {
  expect(watch(-60_000).watched.isTrusted()).toBe(true);
  for (const lastSeen of [-30 * 24 * hourMs, 30 * 24 * hourMs]) {
    const { watched } = watch(lastSeen);
    expect(watched.isTrusted()).toBe(false);
    vi.advanceTimersByTime(hourMs + 1000);
    expect(watched.isTrusted()).toBe(true);
  }
});
