import { extend, findCulprits, sort, walk, type Chain, type Entrant, type Puzzle, type Stand } from './merge-chain.ts';
import { improve, tryAll } from './merge-search.ts';

export interface Found<S> extends Chain<S> {
  /** Every order was tried, so that no other brings more home. */
  readonly isExact: boolean;
}

/** Of more entangled plans not every order is tried. */
const mostTried = 8;

/**
 * The order that brings the most plans home. Plans that conflict with nobody come first; of each group of others all
 * orders are tried, or, where they are too many, one is improved. Pure but for the merges.
 */
export async function findOrder<S extends Stand>(puzzle: Puzzle<S>): Promise<Found<S>> {
  const links: Links = new Map(puzzle.entrants.map(({ name, conflictsWith }) => [name, new Set(conflictsWith)]));
  for (;;) {
    const { found, surprises } = await search(puzzle, links);
    if (!addLinks(links, await findGroups(puzzle, surprises))) return found;
    if (puzzle.isOver()) return { ...found, isExact: false };
  }
}

/** By plan, those that have to be looked at together with it. */
type Links = Map<string, Set<string>>;

/** By plan, which conflicted with none of them alone, those that were home when it could not be merged. */
type Surprises = Map<string, readonly string[]>;

async function search<S extends Stand>(
  puzzle: Puzzle<S>,
  links: Links,
): Promise<{ found: Found<S>; surprises: Surprises }> {
  const { entrants, start } = puzzle;
  const surprises: Surprises = new Map();
  const onConflict = ({ name, conflictsWith, conflictsWithBase }: Entrant, { home }: Chain<S>) => {
    const isExpected = conflictsWithBase || home.some((other) => conflictsWith.has(other));
    if (!isExpected && !surprises.has(name)) surprises.set(name, home);
  };
  const trial = { ...puzzle, onConflict };
  const groups = groupEntangled(entrants, links);
  const entangled = new Set(groups.flat());
  const free = entrants.filter((entrant) => !entangled.has(entrant));
  let chain = await walk(trial, { home: [], stand: start }, free);
  let isExact = true;
  for (const group of groups) {
    const best = group.length > mostTried ? undefined : await tryAll(trial, chain, group);
    isExact &&= best !== undefined;
    chain = best ?? (await improve(trial, chain, group));
  }
  chain = await sort(puzzle, await extend(puzzle, chain));
  return { found: { ...chain, isExact }, surprises };
}

/** Those that conflict with somebody, by way of whom and with those that need them; whoever comes first on a tie first. */
function groupEntangled(entrants: readonly Entrant[], links: Links): Entrant[][] {
  const linkedWith = (name: string) => [name, ...(links.get(name) ?? [])];
  const isEntangled = ({ name, conflictsWithBase }: Entrant) => conflictsWithBase || linkedWith(name).length > 1;
  const names = new Set(entrants.filter(isEntangled).map(({ name }) => name));
  addThoseWhoNeed(names, entrants);
  let groups: Set<string>[] = [];
  for (const { name, needs } of entrants) {
    if (!names.has(name)) continue;
    const group = new Set([...linkedWith(name), ...needs.filter((other) => names.has(other))]);
    const touching = groups.filter((other) => [...group].some((linked) => other.has(linked)));
    const joined = new Set([...touching.flatMap((other) => [...other]), ...group]);
    groups = [...groups.filter((other) => !touching.includes(other)), joined];
  }
  return groups.map((group) => entrants.filter(({ name }) => group.has(name)));
}

/** Whom to look at together because of what was not expected. */
async function findGroups<S>(puzzle: Puzzle<S>, surprises: Surprises): Promise<string[][]> {
  const { entrants } = puzzle;
  // So few that all orders of them can be tried need not be told apart.
  if (surprises.size > 0 && entrants.length <= mostTried) return [entrants.map(({ name }) => name)];
  const groups: string[][] = [];
  for (const [plan, home] of surprises) groups.push([plan, ...(await findCulprits(puzzle, { plan, home }))]);
  return groups;
}

/** Whether one of them is new. */
function addLinks(links: Links, groups: readonly (readonly string[])[]): boolean {
  let isNew = false;
  for (const group of groups) {
    for (const name of group) {
      const known = links.get(name);
      for (const other of group) {
        if (other === name || !known || known.has(other)) continue;
        known.add(other);
        isNew = true;
      }
    }
  }
  return isNew;
}

/** Whoever needs one of them can come home only after it. */
function addThoseWhoNeed(names: Set<string>, entrants: readonly Entrant[]): void {
  for (let known = -1; known !== names.size;) {
    known = names.size;
    for (const { name, needs } of entrants) if (needs.some((other) => names.has(other))) names.add(name);
  }
}
