import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admitFromQueue, findObstacle, type Contender } from '../../../src/daemon/runs/admission.ts';

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

  test('waits as well when a limit was lowered below what runs', () => {
    const placed = [contender('a'), contender('b'), contender('c')];
    expect(findObstacle(contender('d'), placed, { maxConcurrent: 1, maxPerRepository: null })).toMatchObject({
      current: 3,
      max: 1,
    });
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
