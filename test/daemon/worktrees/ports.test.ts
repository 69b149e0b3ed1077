import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freeRanges } from '../../../src/daemon/worktrees/ports.ts';

const settings = { base: 8100, range_size: 10, last: 8139 };
const starts = (leased: { start: number; end: number }[], of = settings) =>
  [...freeRanges(of, leased)].map(({ start }) => start);
const range = (start: number, size = 10) => ({ start, end: start + size - 1 });

describe('the free ranges', () => {
  test('come lowest first and end with the last port', () => {
    expect([...freeRanges(settings, [])]).toEqual([range(8100), range(8110), range(8120), range(8130)]);
    expect(starts([], { ...settings, last: 8138 })).toEqual([8100, 8110, 8120]);
    expect(starts([], { base: 8100, range_size: 1, last: 8100 })).toEqual([8100]);
    expect(starts([], { base: 8100, range_size: 2, last: 8100 })).toEqual([]);
  });

  test('are without those that are leased, in whatever order', () => {
    expect(starts([range(8120), range(8100)])).toEqual([8110, 8130]);
    expect(starts([range(8100), range(8110), range(8120), range(8130)])).toEqual([]);
  });

  test('overlap with no leased range of another size or place', () => {
    expect(starts([range(8105, 10)])).toEqual([8120, 8130]);
    expect(starts([range(8109, 1)])).toEqual([8110, 8120, 8130]);
    expect(starts([range(8090, 100)])).toEqual([]);
    expect(starts([range(8090, 10), range(8140, 10)])).toEqual([8100, 8110, 8120, 8130]);
  });

  test('never overlap with anything leased, nor with each other', () => {
    const leases = fc.array(fc.tuple(fc.integer({ min: 8080, max: 8160 }), fc.integer({ min: 1, max: 30 })));
    fc.assert(
      fc.property(leases, fc.integer({ min: 1, max: 20 }), (leased, size) => {
        const taken = leased.map(([start, length]) => range(start, length));
        const free = [...freeRanges({ ...settings, range_size: size }, taken)];
        const used = new Set(
          taken.flatMap(({ start, end }) => Array.from({ length: end - start + 1 }, (_, n) => start + n)),
        );
        for (const { start, end } of free) {
          expect(end - start + 1).toBe(size);
          expect(start).toBeGreaterThanOrEqual(settings.base);
          expect(end).toBeLessThanOrEqual(settings.last);
          for (let port = start; port <= end; port += 1) {
            expect(used.has(port)).toBe(false);
            used.add(port);
          }
        }
      }),
    );
  });
});
