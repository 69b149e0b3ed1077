import { setImmediate as breathe } from 'node:timers/promises';
import {
  extended,
  isReady,
  walk,
  type Chain,
  type Entrant,
  type Merge,
  type Stand,
  type Trial,
} from './merge-chain.ts';

/** Orders in which merges give different files could make too many of them. */
const mostMerges = 5000;
/** Orders that are tried where not all can be. */
const mostSwaps = 200;

/**
 * Tries every order, of which those that leave the same files behind are one from there on. Undefined when that takes
 * too long.
 */
export async function tryAll<S extends Stand>(
  { entrants, merge, onConflict, isOver }: Trial<S>,
  start: Chain<S>,
  plans: readonly Entrant[],
): Promise<Chain<S> | undefined> {
  const ranks = new Map(entrants.map(({ name }, rank) => [name, rank]));
  const isEarlier = (one: Chain<S>, other: Chain<S>) => compareRanks(ranks, one.home, other.home) < 0;
  const leastOf = (chains: readonly Chain<S>[]) =>
    chains.reduce((least, chain) => (isEarlier(chain, least) ? chain : least));
  let best = start;
  let merges = 0;
  for (let layer = [start]; layer.length > 0;) {
    best = leastOf(layer);
    const steps = layer.flatMap((chain) =>
      plans.filter((entrant) => isReady(entrant, chain)).map((entrant) => ({ chain, entrant })),
    );
    merges += steps.length;
    if (merges > mostMerges || isOver()) return undefined;
    const stands = await merge(steps.map(({ chain, entrant }) => ({ onto: chain.stand, plan: entrant.name })));
    const next = new Map<string, Chain<S>>();
    for (const [index, { chain, entrant }] of steps.entries()) {
      const stand = stands[index];
      if (stand === undefined) {
        onConflict(entrant, chain);
        continue;
      }
      const longer = extended(chain, entrant, stand);
      const known = next.get(stand.key);
      if (!known || isEarlier(longer, known)) next.set(stand.key, longer);
    }
    layer = [...next.values()];
  }
  return best;
}

function compareRanks(ranks: ReadonlyMap<string, number>, one: readonly string[], other: readonly string[]): number {
  for (const [index, name] of one.entries()) {
    const difference = (ranks.get(name) ?? 0) - (ranks.get(other[index] ?? '') ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Those that come first on a tie first, then a plan that was left out in the place of one that it conflicts with. */
export async function improve<S>(trial: Trial<S>, start: Chain<S>, plans: readonly Entrant[]): Promise<Chain<S>> {
  let order = plans;
  let best = await walk(trial, start, order);
  let swaps = 0;
  for (let isBetter = true; isBetter;) {
    isBetter = false;
    for (const swapped of listSwaps(order, best.home)) {
      if (swaps >= mostSwaps || trial.isOver()) return best;
      if ((await predict(start.home, swapped)) <= best.home.length) continue;
      swaps += 1;
      const chain = await walk(trial, start, swapped);
      if (chain.home.length <= best.home.length) continue;
      [best, order, isBetter] = [chain, swapped, true];
      break;
    }
  }
  return best;
}

/** How many would be home if plans conflicted only by twos. */
async function predict(home: readonly string[], order: readonly Entrant[]): Promise<number> {
  const byName = new Map(order.map((entrant) => [entrant.name, entrant]));
  const fits = (onto: readonly string[], { conflictsWith, conflictsWithBase }: Entrant) =>
    !conflictsWithBase && !onto.some((other) => conflictsWith.has(other));
  const merge: Merge<readonly string[]> = (attempts) =>
    Promise.resolve(
      attempts.map(({ onto, plan }) => {
        const entrant = byName.get(plan);
        return entrant && fits(onto, entrant) ? [...onto, plan] : undefined;
      }),
    );
  // Many of these in a row must not keep everybody else waiting.
  await breathe();
  const chain = await walk({ merge, onConflict: () => undefined }, { home, stand: home }, order);
  return chain.home.length;
}

function* listSwaps(order: readonly Entrant[], home: readonly string[]): Generator<Entrant[]> {
  for (const [out, leftOut] of order.entries()) {
    if (home.includes(leftOut.name)) continue;
    for (const [into, other] of order.entries()) {
      if (!home.includes(other.name) || !leftOut.conflictsWith.has(other.name)) continue;
      yield order.with(into, leftOut).with(out, other);
    }
  }
}
