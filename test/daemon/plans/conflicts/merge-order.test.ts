import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findCulprits, type Entrant, type Puzzle } from '../../../../src/daemon/plans/conflicts/merge-chain.ts';
import { findOrder } from '../../../../src/daemon/plans/conflicts/merge-order.ts';

/** A stand is the plans that are in it, in the order of the model. */
interface Merged {
  key: string;
  home: readonly string[];
}

/** Whether a plan may be merged into what is home. */
type Model = (home: readonly string[], plan: string) => boolean;

interface World {
  plans: readonly string[];
  fits: Model;
  needs?: Readonly<Record<string, readonly string[]>>;
  /** When merges in another order give other files. */
  isOrdered?: boolean;
  isOver?: () => boolean;
}

/** As plans are told to the search: with those that conflict with each other alone, the fewest conflicts first. */
function puzzleOf({ plans, fits, needs = {}, isOrdered = false, isOver = () => false }: World) {
  const merges = new Set<string>();
  const conflictsOf = (plan: string) =>
    plans.filter((other) => other !== plan && !(fits([other], plan) && fits([plan], other)));
  const entrants = plans.map((name): Entrant => {
    const conflictsWith = new Set(conflictsOf(name));
    return { name, needs: needs[name] ?? [], conflictsWith, conflictsWithBase: !fits([], name) };
  });
  entrants.sort((one, other) => one.conflictsWith.size - other.conflictsWith.size);
  const toStand = (home: readonly string[]): Merged => ({
    home,
    key: (isOrdered ? home : [...home].sort()).join(' '),
  });
  const puzzle: Puzzle<Merged> = {
    entrants,
    start: toStand([]),
    merge: (attempts) => {
      for (const { onto, plan } of attempts) merges.add(`${onto.key} ${plan}`);
      return Promise.resolve(
        attempts.map(({ onto, plan }) => (fits(onto.home, plan) ? toStand([...onto.home, plan]) : undefined)),
      );
    },
    isOver,
  };
  return { puzzle, merges: () => merges.size };
}

const solve = (world: World) => findOrder(puzzleOf(world).puzzle);

/** The model in which each of these groups cannot be home together. */
const apart =
  (...groups: readonly (readonly string[])[]): Model =>
  (home, plan) =>
    !groups.some((group) => group.includes(plan) && group.every((other) => other === plan || home.includes(other)));

/** How many come home at most, by trying every order. */
function bruteForce({ plans, fits, needs = {} }: World): number {
  const best = (home: readonly string[]): number => {
    const next = plans.filter(
      (plan) => !home.includes(plan) && (needs[plan] ?? []).every((other) => home.includes(other)) && fits(home, plan),
    );
    return Math.max(home.length, ...next.map((plan) => best([...home, plan])));
  };
  return best([]);
}

/** Whether the chain can be merged in this order, with all needs. */
function isValid({ fits, needs = {} }: World, home: readonly string[]): boolean {
  return home.every((plan, index) => {
    const before = home.slice(0, index);
    return (needs[plan] ?? []).every((other) => before.includes(other)) && fits(before, plan);
  });
}

test('plans that conflict with nobody come home in the order in which they were made', async () => {
  const { puzzle, merges } = puzzleOf({ plans: ['c', 'a', 'b'], fits: apart() });
  expect(await findOrder(puzzle)).toMatchObject({ home: ['c', 'a', 'b'], isExact: true });
  expect(merges()).toBeLessThan(5);
});

test('the one that conflicts with many stays behind, and those that conflict with nobody come first', async () => {
  const fits = apart(['hub', 'a'], ['hub', 'b'], ['hub', 'c']);
  expect((await solve({ plans: ['hub', 'a', 'b', 'c', 'free'], fits })).home).toEqual(['free', 'a', 'b', 'c']);
});

test('of two that conflict the older one comes home, and dependencies come first', async () => {
  expect((await solve({ plans: ['old', 'new'], fits: apart(['old', 'new']) })).home).toEqual(['old']);
  const needs = { a: ['b'], b: ['c'] };
  expect((await solve({ plans: ['a', 'b', 'c', 'd'], fits: apart(), needs })).home).toEqual(['c', 'b', 'a', 'd']);
});

test('a plan on which others depend weighs as much as all of them', async () => {
  const world = { plans: ['single', 'root', 'leaf'], fits: apart(['single', 'root']), needs: { leaf: ['root'] } };
  expect((await solve(world)).home).toEqual(['root', 'leaf']);
});

test('what merges in pairs but not in sum costs only one of them', async () => {
  const world = { plans: ['a', 'b', 'c', 'd'], fits: apart(['a', 'b', 'c']) };
  const found = await solve(world);
  expect(found.home).toHaveLength(3);
  expect(isValid(world, found.home)).toBe(true);
  const { puzzle } = puzzleOf(world);
  expect(await findCulprits(puzzle, { plan: 'c', home: ['d', 'a', 'b'] })).toEqual(['a', 'b']);
});

test('all orders of eight that conflict cost some hundred merges', async () => {
  const plans = Array.from({ length: 8 }, (_, index) => `p${index}`);
  const fits = apart(...plans.map((plan, index) => [plan, plans[(index + 1) % 8] ?? '']));
  const { puzzle, merges } = puzzleOf({ plans, fits });
  const { home, isExact } = await findOrder(puzzle);
  expect([home.length, isExact]).toEqual([4, true]);
  expect(merges()).toBeLessThan(1100);
});

test('beyond eight the first order is improved by swaps', async () => {
  // Each of the pairs fits with all but its hub, which is older and has as many conflicts as they have.
  const groups = [0, 1, 2, 3].map((n) => ({ hub: `hub${n}`, one: `one${n}`, two: `two${n}` }));
  const pairs = groups.flatMap(({ hub, one, two }) => [
    [hub, one],
    [hub, two],
  ]);
  const link = groups.flatMap(({ hub, one, two }) => [hub, one, two].map((plan) => ['link', plan]));
  const alike = groups.flatMap(({ one, two }, n) => [
    [one, `extra-one${n}`],
    [two, `extra-two${n}`],
  ]);
  const extras = alike.map(([, extra]) => extra ?? '');
  const rivals = extras.map((extra) => [extra, `rival-${extra}`]);
  const plans = [...groups.flatMap(({ hub, one, two }) => [hub, one, two]), ...extras, 'link'];
  const world = {
    plans: [...plans, ...rivals.map(([, rival]) => rival ?? '')],
    fits: apart(...pairs, ...link, ...alike, ...rivals),
  };
  const found = await solve(world);
  expect(found.isExact).toBe(false);
  expect(isValid(world, found.home)).toBe(true);
  const unimproved = await solve({ ...world, isOver: () => true });
  expect([unimproved.home.length, found.home.length]).toEqual([12, 16]);
});

test('a search whose time is over still answers a chain that merges', async () => {
  const plans = ['a', 'b', 'c', 'd'];
  const world = { plans, fits: apart(['a', 'b'], ['b', 'c', 'd']), isOver: () => true };
  const found = await solve(world);
  expect(found.isExact).toBe(false);
  expect(isValid(world, found.home)).toBe(true);
  expect(found.home.length).toBeGreaterThan(1);
});

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const someNames = fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 4 });
/** Each plan needs only earlier ones, so that there is no circle. */
const someNeeds = fc
  .array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 4 })
  .map((edges) =>
    Object.fromEntries(
      names.map((name, index) => [
        name,
        edges.filter(([from, to]) => from === index && to < index).map(([, to]) => names[to] ?? ''),
      ]),
    ),
  );

test('as many come home as by trying every order of six plans', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someNames, { maxLength: 8 }), someNeeds, async (groups, needs) => {
      const world = { plans: names, fits: apart(...groups), needs };
      const found = await solve(world);
      expect(isValid(world, found.home)).toBe(true);
      expect(found).toMatchObject({ isExact: true, home: { length: bruteForce(world) } });
    }),
    { numRuns: 500 },
  );
});

test('the same where the order of merges decides what conflicts', async () => {
  const some = fc.constantFrom(...names);
  const pairs = fc.array(fc.uniqueArray(some, { minLength: 2, maxLength: 2 }), { maxLength: 4 });
  // What two plans do together is the same in either order; only more of them can tell an order.
  const several = fc.uniqueArray(some, { minLength: 2, maxLength: 4 });
  const rules = fc.array(fc.record({ first: several, then: some }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(pairs, rules, async (two, more) => {
      const isApart = apart(...two);
      const fits: Model = (home, plan) =>
        isApart(home, plan) &&
        !more.some(({ first, then }) => then === plan && first.every((other) => home.includes(other)));
      const world = { plans: names, fits, isOrdered: true };
      const found = await solve(world);
      expect(isValid(world, found.home)).toBe(true);
      expect(found.home).toHaveLength(bruteForce(world));
    }),
    { numRuns: 500 },
  );
});

test('the same question has the same answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someNames, { maxLength: 8 }), someNeeds, async (groups, needs) => {
      const world = { plans: names, fits: apart(...groups), needs };
      expect((await solve(world)).home).toEqual((await solve(world)).home);
    }),
    { numRuns: 50 },
  );
});
