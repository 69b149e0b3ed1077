/** What stands after some merges. Whatever is merged next, stands of one key answer the same. */
export interface Stand {
  readonly key: string;
}

/** A plan that may come home. */
export interface Entrant {
  readonly name: string;
  /** Entrants that have to be home before. */
  readonly needs: readonly string[];
  /** Each of these alone cannot be merged together with it. */
  readonly conflictsWith: ReadonlySet<string>;
  /** Not even with what stands now. */
  readonly conflictsWithBase: boolean;
}

/** Merges plans into stands, all in one go; undefined: it conflicts. */
export type Merge<S> = (attempts: readonly { onto: S; plan: string }[]) => Promise<(S | undefined)[]>;

export interface Puzzle<S> {
  /** Of orders that bring as many home the one is taken that has the first of these earlier. */
  readonly entrants: readonly Entrant[];
  readonly start: S;
  readonly merge: Merge<S>;
  /** There is no time for another try. */
  readonly isOver: () => boolean;
}

/** Plans merged one on top of the other, and what then stands. */
export interface Chain<S> {
  readonly home: readonly string[];
  readonly stand: S;
}

export interface Found<S> extends Chain<S> {
  /** Every order was tried, so that no other brings more home. */
  readonly isExact: boolean;
}

/** Of more entangled plans not every order is tried. */
const mostTried = 8;
/** Orders in which merges give different files could make too many of them. */
const mostMerges = 5000;
/** Orders that are tried where not all can be. */
const mostSwaps = 200;

/**
 * The order that brings the most plans home. Plans that conflict with nobody come first; all orders of the others are
 * tried, or, where they are too many, one is improved. Pure but for the merges.
 */
export async function findOrder<S extends Stand>(puzzle: Puzzle<S>): Promise<Found<S>> {
  const { entrants, isOver } = puzzle;
  const conflicting = entrants.filter((entrant) => entrant.conflictsWithBase || entrant.conflictsWith.size > 0);
  const entangled = new Set(conflicting.map(({ name }) => name));
  for (;;) {
    const { found, surprises } = await search(puzzle, entangled);
    const known = entangled.size;
    for (const name of await findEntangled(puzzle, surprises)) entangled.add(name);
    if (entangled.size === known) return found;
    if (isOver()) return { ...found, isExact: false };
  }
}

/** By plan, which conflicted with none of them alone, those that were home when it could not be merged. */
type Surprises = Map<string, readonly string[]>;

/** So few that all orders can be tried need not be told apart. */
async function findEntangled<S>(puzzle: Puzzle<S>, surprises: Surprises): Promise<string[]> {
  const { entrants } = puzzle;
  if (surprises.size > 0 && entrants.length <= mostTried) return entrants.map(({ name }) => name);
  const names: string[] = [];
  for (const [plan, home] of surprises) names.push(plan, ...(await findCulprits(puzzle, { plan, home })));
  return names;
}

async function search<S extends Stand>(
  puzzle: Puzzle<S>,
  entangled: Set<string>,
): Promise<{ found: Found<S>; surprises: Surprises }> {
  const { entrants, start } = puzzle;
  addThoseWhoNeed(entangled, entrants);
  const surprises: Surprises = new Map();
  const onConflict = ({ name, conflictsWith, conflictsWithBase }: Entrant, { home }: Chain<S>) => {
    const isExpected = conflictsWithBase || home.some((other) => conflictsWith.has(other));
    if (!isExpected && !surprises.has(name)) surprises.set(name, home);
  };
  const trial = { ...puzzle, onConflict };
  const free = entrants.filter(({ name }) => !entangled.has(name));
  const others = entrants.filter(({ name }) => entangled.has(name));
  const front = await walk(trial, { home: [], stand: start }, free);
  const best = others.length > mostTried ? undefined : await tryAll(trial, front, others);
  const found = await extend(trial, best ?? (await improve(trial, front, others)));
  return { found: { ...found, isExact: best !== undefined }, surprises };
}

interface Trial<S> extends Puzzle<S> {
  /** Told of every plan that could not be merged. */
  readonly onConflict: (entrant: Entrant, chain: Chain<S>) => void;
}

/** Whoever needs one of them can come home only after it. */
function addThoseWhoNeed(names: Set<string>, entrants: readonly Entrant[]): void {
  for (let known = -1; known !== names.size;) {
    known = names.size;
    for (const { name, needs } of entrants) if (needs.some((other) => names.has(other))) names.add(name);
  }
}

const isReady = <S>({ name, needs }: Entrant, { home }: Chain<S>): boolean =>
  !home.includes(name) && needs.every((other) => home.includes(other));

const extended = <S>({ home }: Chain<S>, { name }: Entrant, stand: S): Chain<S> => ({ home: [...home, name], stand });

/** Merges what can be merged, in this order but for needs. */
async function walk<S>({ merge, onConflict }: Trial<S>, start: Chain<S>, order: readonly Entrant[]): Promise<Chain<S>> {
  let chain = start;
  const waiting = [...order];
  for (;;) {
    const index = waiting.findIndex((entrant) => isReady(entrant, chain));
    const [entrant] = index < 0 ? [] : waiting.splice(index, 1);
    if (!entrant) return chain;
    const [stand] = await merge([{ onto: chain.stand, plan: entrant.name }]);
    if (stand === undefined) onConflict(entrant, chain);
    else chain = extended(chain, entrant, stand);
  }
}

/**
 * Tries every order, of which those that leave the same files behind are one from there on. Undefined when that takes
 * too long.
 */
async function tryAll<S extends Stand>(
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
async function improve<S>(trial: Trial<S>, start: Chain<S>, plans: readonly Entrant[]): Promise<Chain<S>> {
  let order = plans;
  let best = await walk(trial, start, order);
  let swaps = 0;
  for (let isBetter = true; isBetter;) {
    isBetter = false;
    for (const swapped of listSwaps(order, best.home)) {
      if (swaps >= mostSwaps || trial.isOver()) return best;
      swaps += 1;
      const chain = await walk(trial, start, swapped);
      if (chain.home.length <= best.home.length) continue;
      [best, order, isBetter] = [chain, swapped, true];
      break;
    }
  }
  return best;
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

/** What conflicted with something may fit once more is home. */
async function extend<S>({ entrants, merge }: Trial<S>, start: Chain<S>): Promise<Chain<S>> {
  for (let chain = start; ;) {
    const ready = entrants.filter((entrant) => isReady(entrant, chain));
    const stands = await merge(ready.map(({ name }) => ({ onto: chain.stand, plan: name })));
    const index = stands.findIndex((stand) => stand !== undefined);
    const [entrant, stand] = [ready[index], stands[index]];
    if (!entrant || stand === undefined) return chain;
    chain = extended(chain, entrant, stand);
  }
}

/** As few of those that are home as there have to be for the plan to conflict with them. */
export async function findCulprits<S>(
  { start, merge }: Pick<Puzzle<S>, 'start' | 'merge'>,
  { plan, home }: { plan: string; home: readonly string[] },
): Promise<string[]> {
  const culprits: string[] = [];
  for (let suspects = home; ;) {
    const stands = [{ name: '', stand: start }];
    for (const name of [...culprits, ...suspects]) {
      const [stand] = await merge([{ onto: stands.at(-1)?.stand ?? start, plan: name }]);
      if (stand !== undefined) stands.push({ name, stand });
    }
    const merged = await merge(stands.map(({ stand }) => ({ onto: stand, plan })));
    const last = stands[merged.indexOf(undefined)]?.name ?? '';
    // Either those that are known do it alone, or it takes the others in an order that cannot be told apart.
    if (last === '' || culprits.includes(last)) return culprits;
    culprits.push(last);
    suspects = suspects.slice(0, suspects.indexOf(last));
  }
}
