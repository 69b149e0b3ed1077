import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admitFromQueue, findObstacle, requiredMb, type Contender } from '../../../src/daemon/runs/admission.ts';

const contender = (id: string, repositoryId = 'shop'): Contender => ({ id, repositoryId });
const ids = (contenders: readonly Contender[]) => contenders.map(({ id }) => id);

describe('one more run', () => {
  test('has a place until the limit of the daemon is reached', () => {
    const places = { maxConcurrent: 2, maxPerRepository: null };
    expect(findObstacle(contender('b'), [contender('a')], places)).toBeUndefined();
    expect(findObstacle(contender('c'), [contender('a'), contender('b')], places)).toEqual({
      limit: 'limits.max_concurrent',
      current: 2,
      max: 2,
    });
  });

  test('has a place until the limit of its repository is reached', () => {
    const places = { maxConcurrent: 9, maxPerRepository: 1 };
    const placed = [contender('a'), contender('b', 'blog')];
    expect(findObstacle(contender('c', 'wiki'), placed, places)).toBeUndefined();
    expect(findObstacle(contender('c'), placed, places)).toEqual({
      limit: 'limits.max_per_repository',
      current: 1,
      max: 1,
    });
  });

  test('has a place until the machine is too busy, as far as that is known', () => {
    const places = (percent: number | null) => ({
      maxConcurrent: 9,
      maxPerRepository: null,
      cpu: { percent, max: 80 },
    });
    expect(findObstacle(contender('a'), [], places(79.9))).toBeUndefined();
    expect(findObstacle(contender('a'), [], places(null))).toBeUndefined();
    expect(findObstacle(contender('a'), [], places(80))).toEqual({
      limit: 'limits.max_machine_cpu_percent',
      current: 80,
      max: 80,
    });
  });

  test('waits as well when a limit was lowered below what runs', () => {
    const placed = [contender('a'), contender('b'), contender('c')];
    expect(findObstacle(contender('d'), placed, { maxConcurrent: 1, maxPerRepository: null })).toMatchObject({
      current: 3,
      max: 1,
    });
  });
});

describe('the space that must be free', () => {
  const room = { reserveMb: 500, ownMb: 0, promises: [] };

  test('is the reserve and what the run may write', () => {
    expect(requiredMb(room)).toBe(500);
    expect(requiredMb({ ...room, ownMb: 200 })).toBe(700);
  });

  test('has in it what others may still write', () => {
    const promises = [
      { maxDiskMb: 100, diskMb: 30.5 },
      { maxDiskMb: 100, diskMb: null },
      { maxDiskMb: 100, diskMb: 250 },
      { maxDiskMb: null, diskMb: 40 },
    ];
    expect(requiredMb({ ...room, promises })).toBe(500 + 70 + 100);
  });
});

describe('a queue', () => {
  test('gives its places first in first out', () => {
    const queue = ['b', 'c', 'd'].map((id) => contender(id));
    const places = { maxConcurrent: 3, maxPerRepository: null };
    expect(ids(admitFromQueue(queue, [contender('a')], places))).toEqual(['b', 'c']);
    expect(
      admitFromQueue(
        queue,
        ['x', 'y', 'z'].map((id) => contender(id)),
        places,
      ),
    ).toEqual([]);
    expect(admitFromQueue([], [], places)).toEqual([]);
  });

  test('lets others pass one whose repository is full', () => {
    const queue = [contender('b'), contender('c', 'blog'), contender('d', 'blog'), contender('e', 'wiki')];
    const places = { maxConcurrent: 4, maxPerRepository: 1 };
    expect(ids(admitFromQueue(queue, [contender('a')], places))).toEqual(['c', 'e']);
  });

  test('never admits more than fit, never out of order within a repository, and never fewer than it could', () => {
    const some = fc.array(fc.constantFrom('shop', 'blog', 'wiki'), { maxLength: 12 });
    const limits = fc.record({ maxConcurrent: fc.nat(6), maxPerRepository: fc.option(fc.nat(3)) });
    fc.assert(
      fc.property(some, some, limits, (waiting, running, places) => {
        const queue = waiting.map((repository, number) => contender(`q${number}`, repository));
        const placed = running.map((repository, number) => contender(`p${number}`, repository));
        const admitted = admitFromQueue(queue, placed, places);
        const after = [...placed, ...admitted];
        expect(admitted).toEqual(queue.filter((one) => admitted.includes(one)));
        if (admitted.length > 0) expect(after.length).toBeLessThanOrEqual(places.maxConcurrent);
        for (const { id, repositoryId } of queue.filter((one) => !admitted.includes(one))) {
          expect(findObstacle({ id, repositoryId }, after, places)).toBeDefined();
        }
        for (const repository of new Set(waiting)) {
          const own = queue.filter(({ repositoryId }) => repositoryId === repository);
          const first = admitted.filter(({ repositoryId }) => repositoryId === repository);
          expect(first).toEqual(own.slice(0, first.length));
        }
      }),
    );
  });
});
