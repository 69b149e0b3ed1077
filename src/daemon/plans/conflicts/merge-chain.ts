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

export interface Trial<S> extends Puzzle<S> {
  /** Told of every plan that could not be merged. */
  readonly onConflict: (entrant: Entrant, chain: Chain<S>) => void;
}

export const isReady = <S>({ name, needs }: Entrant, { home }: Chain<S>): boolean =>
  !home.includes(name) && needs.every((other) => home.includes(other));

export const extended = <S>({ home }: Chain<S>, { name }: Entrant, stand: S): Chain<S> => ({
  home: [...home, name],
  stand,
});

/** Merges what can be merged, in this order but for needs. */
export async function walk<S>(
  { merge, onConflict }: Pick<Trial<S>, 'merge' | 'onConflict'>,
  start: Chain<S>,
  order: readonly Entrant[],
): Promise<Chain<S>> {
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

/** What conflicted with something may fit once more is home. */
export async function extend<S>({ entrants, merge }: Puzzle<S>, start: Chain<S>): Promise<Chain<S>> {
  for (let chain = start; ;) {
    const ready = entrants.filter((entrant) => isReady(entrant, chain));
    const stands = await merge(ready.map(({ name }) => ({ onto: chain.stand, plan: name })));
    const index = stands.findIndex((stand) => stand !== undefined);
    const [entrant, stand] = [ready[index], stands[index]];
    if (!entrant || stand === undefined) return chain;
    chain = extended(chain, entrant, stand);
  }
}

/** Whoever comes first on a tie first, if the same plans come home like that. */
export async function sort<S>(puzzle: Puzzle<S>, chain: Chain<S>): Promise<Chain<S>> {
  const { entrants, start } = puzzle;
  const isHome = new Set(chain.home);
  const order = entrants.filter(({ name }) => isHome.has(name));
  const sorted = await walk({ ...puzzle, onConflict: () => undefined }, { home: [], stand: start }, order);
  return sorted.home.length === order.length ? sorted : chain;
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
    if (last === '' || culprits.includes(last)) return home.filter((name) => culprits.includes(name));
    culprits.push(last);
    suspects = suspects.slice(0, suspects.indexOf(last));
  }
}
