import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planCut, wholeBlocks } from '../../../src/daemon/runs/log-cut.ts';

const extent = (sizeBytes: number, startBytes = 0, allocatedBytes = sizeBytes - startBytes) => ({
  sizeBytes,
  startBytes,
  allocatedBytes,
});

describe('a cut of the output of a run', () => {
  test('is not made before the limit and its slack are passed, and then leaves the limit', () => {
    expect(planCut(extent(1000), 1000, false)).toBeUndefined();
    expect(planCut(extent(1125), 1000, false)).toBeUndefined();
    expect(planCut(extent(1126), 1000, false)).toBe(126);
    expect(planCut(extent(5000, 3900), 1000, false)).toBeUndefined();
    expect(planCut(extent(5000, 3000), 1000, false)).toBe(4000);
  });

  test('leaves a run that is over no slack', () => {
    expect(planCut(extent(1000), 1000, true)).toBeUndefined();
    expect(planCut(extent(1001), 1000, true)).toBe(1);
  });

  test('is made again when a daemon died between the two steps', () => {
    expect(planCut(extent(2000, 1000, 2000), 1000, false)).toBe(1000);
    expect(planCut(extent(2000, 1200, 2000), 1000, false)).toBe(1200);
    expect(planCut(extent(2000, 1000, 1100), 1000, false)).toBeUndefined();
  });

  test('never reaches into the limit and never goes back', () => {
    const sizes = fc.nat({ max: 100_000 });
    fc.assert(
      fc.property(fc.tuple(sizes, sizes), fc.integer({ min: 1, max: 50_000 }), ([size, start], limit) => {
        fc.pre(start <= size);
        const cut = planCut(extent(size, start), limit, false);
        if (cut === undefined) expect(size - start).toBeLessThanOrEqual(limit * 1.125);
        else {
          expect(cut).toBeGreaterThanOrEqual(start);
          expect(cut).toBeLessThanOrEqual(Math.max(start, size - limit));
        }
      }),
    );
  });

  test('takes whole blocks', () => {
    expect([0, 4095, 4096, 9000].map((bytes) => wholeBlocks(bytes, 4096))).toEqual([0, 0, 4096, 8192]);
  });
});
