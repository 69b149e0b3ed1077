import { setImmediate as nextTurn } from 'node:timers/promises';
import { WtdError } from '../../contract/errors.ts';
import type { Git } from './git.ts';

/** Where the histories of two commits part, with the trees of all three. */
export interface Parting {
  ours: string;
  theirs: string;
  /** Null: they have no commit in common. Of several that are equally good it is one. */
  base: string | null;
}

interface Commit {
  id: string;
  tree: string;
  parents: string[];
}

type Commits = readonly [ours: string, theirs: string];
interface Wanted {
  pairs: readonly Commits[];
  env: Record<string, string>;
}

const commitsATurn = 5000;

/** The trees of each pair of commits and of where they part, in the order of the pairs, from a few questions for all. */
export async function findPartings(git: Git, commonDir: string, { pairs, env }: Wanted): Promise<Parting[]> {
  const ask = (...args: string[]) => git.bytes(commonDir, args, { env });
  const trees = new Map<string, string>();
  const bases = new Map<string, string>();
  const groups: { tips: string[]; base: string }[] = [];
  for (let tips = [...new Set(pairs.flat())]; tips.length > 0;) {
    const group = await related(ask, tips);
    groups.push(group);
    tips = tips.filter((tip) => !group.tips.includes(tip));
  }
  for (const { tips, base } of groups) {
    const commits = await listCommits(ask, tips, base);
    for (const { id, tree } of commits) trees.set(id, tree);
    for (const [pair, commit] of await partingsOf(commits, tips)) bases.set(pair, commit);
  }
  for (const [ours, theirs] of pairs) {
    // Both may be related to a third although they are in different groups.
    if (groups.length === 1 || groups.some(({ tips }) => tips.includes(ours) && tips.includes(theirs))) continue;
    const base = (await orNothing(ask('merge-base', ours, theirs)))?.split('\n')[0];
    if (base === undefined) continue;
    bases.set(keyOf(ours, theirs), base);
    trees.set(base, await ask('rev-parse', `${base}^{tree}`));
  }
  const treeOf = (commit: string) => trees.get(commit) ?? '';
  return pairs.map(([ours, theirs]) => {
    const base = ours === theirs ? ours : bases.get(keyOf(ours, theirs));
    return { ours: treeOf(ours), theirs: treeOf(theirs), base: base === undefined ? null : treeOf(base) };
  });
}

const keyOf = (one: string, other: string): string => [one, other].sort().join(' ');

type Ask = (...args: string[]) => Promise<string>;

/** A commit that all of the tips have, or of those that the first one shares a history with. */
async function related(ask: Ask, tips: readonly string[]): Promise<{ tips: string[]; base: string }> {
  const base = await orNothing(ask('merge-base', '--octopus', ...tips));
  if (base !== undefined) return { tips: [...tips], base };
  const [first = '', ...others] = tips;
  let group = { tips: [first], base: first };
  for (const tip of others) {
    const common = await orNothing(ask('merge-base', '--octopus', ...group.tips, tip));
    if (common !== undefined) group = { tips: [...group.tips, tip], base: common };
  }
  return group;
}

/** What `merge-base` answers, which ends with 1 when there is nothing in common. */
async function orNothing(answer: Promise<string>): Promise<string | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof WtdError && error.data['exitCode'] === 1) return undefined;
    throw error;
  }
}

/** The history from the tips down to that commit, children before their parents. */
async function listCommits(ask: Ask, tips: readonly string[], base: string): Promise<Commit[]> {
  const format = ['--topo-order', '--no-commit-header', '--format=%H %T %P'];
  const output = await ask('rev-list', ...format, ...tips, '--not', `${base}^@`);
  return output.split('\n').map((line) => {
    const [id = '', tree = '', ...parents] = line.split(' ');
    return { id, tree, parents: parents.filter((parent) => parent !== '') };
  });
}

/** For each two of the tips the first commit that both reach. Pure but for its pauses. */
async function partingsOf(commits: readonly Commit[], tips: readonly string[]): Promise<Map<string, string>> {
  const reached = new Map<string, bigint>(tips.map((tip, at) => [tip, 1n << BigInt(at)]));
  const met = tips.map(() => 0n);
  const seen = new Set<bigint>();
  const found = new Map<string, string>();
  for (const [index, { id, parents }] of commits.entries()) {
    if (index % commitsATurn === commitsATurn - 1) await nextTurn();
    const who = reached.get(id) ?? 0n;
    for (const parent of parents) reached.set(parent, (reached.get(parent) ?? 0n) | who);
    if (seen.has(who)) continue;
    seen.add(who);
    const members = tips.flatMap((tip, at) => ((who >> BigInt(at)) & 1n ? [{ tip, at }] : []));
    for (const { tip, at } of members) {
      const fresh = members.filter((other) => other.at > at && !(((met[at] ?? 0n) >> BigInt(other.at)) & 1n));
      for (const other of fresh) found.set(keyOf(tip, other.tip), id);
      met[at] = (met[at] ?? 0n) | who;
    }
  }
  return found;
}
