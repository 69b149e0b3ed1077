import type { Git } from '../../git/git.ts';
import type { Conflict } from '../../git/merge-tree.ts';
import { writeTrialCommits } from '../../git/trial-commits.ts';
import { tryMerges, type Pair, type TrialObjects } from '../../git/trial-merges.ts';
import type { Stand } from './merge-chain.ts';

/** A plan with the last commit of its branch, and the branch that it is to be merged into. */
interface Traveller {
  name: string;
  tip: string;
  into: string;
}

/** Branches after some merges. */
export interface Branches extends Stand {
  readonly tips: ReadonlyMap<string, { commit: string; tree: string }>;
  readonly merged: readonly string[];
}

interface Attempt {
  onto: Branches;
  plan: string;
}

type Answer = { stand: Branches } | { conflicts: readonly Conflict[] };

interface Parts {
  git: Git;
  commonDir: string;
  objects: TrialObjects;
  travellers: readonly Traveller[];
}

/** Merges plans one on top of the other in memory, none twice into the same. */
export class TrialChains {
  readonly #git: Git;
  readonly #commonDir: string;
  readonly #objects: TrialObjects;
  readonly #travellers: ReadonlyMap<string, Traveller>;
  readonly #known = new Map<string, Answer>();

  constructor({ git, commonDir, objects, travellers }: Parts) {
    this.#git = git;
    this.#commonDir = commonDir;
    this.#objects = objects;
    this.#travellers = new Map(travellers.map((traveller) => [traveller.name, traveller]));
  }

  /** Nothing merged yet; `tips` are the commits of the branches. */
  static start(tips: ReadonlyMap<string, string>): Branches {
    return toBranches(new Map([...tips].map(([branch, commit]) => [branch, { commit, tree: commit }])), []);
  }

  async merge(attempts: readonly Attempt[]): Promise<(Branches | undefined)[]> {
    const asked = attempts.map((attempt) => [keyOf(attempt), attempt] as const);
    const fresh = new Map(asked.filter(([key]) => !this.#known.has(key)));
    if (fresh.size > 0) await this.#try([...fresh]);
    return attempts.map((attempt) => {
      const answer = this.#known.get(keyOf(attempt));
      return answer && 'stand' in answer ? answer.stand : undefined;
    });
  }

  /** Of a merge that was tried. */
  conflictsOf(attempt: Attempt): readonly Conflict[] {
    const answer = this.#known.get(keyOf(attempt));
    return answer && 'conflicts' in answer ? answer.conflicts : [];
  }

  async #try(fresh: readonly (readonly [key: string, attempt: Attempt])[]): Promise<void> {
    const steps = fresh.map(([key, { onto, plan }]) => {
      const { tip, into } = this.#require(plan);
      const pair: Pair = [onto.tips.get(into)?.commit ?? '', tip];
      return { key, onto, plan, into, pair };
    });
    const pairs = steps.map(({ pair }) => pair);
    const merges = await tryMerges(this.#git, this.#commonDir, { pairs, objects: this.#objects });
    const clean = merges.flatMap(({ isClean, tree }, index) => {
      const step = steps[index];
      return isClean && step ? [{ ...step, tree, parents: step.pair }] : [];
    });
    const commits = await writeTrialCommits(this.#objects, clean);
    for (const [index, { conflicts }] of merges.entries()) this.#known.set(steps[index]?.key ?? '', { conflicts });
    for (const [index, { key, onto, plan, into, tree }] of clean.entries()) {
      const tips = new Map(onto.tips).set(into, { commit: commits[index] ?? '', tree });
      this.#known.set(key, { stand: toBranches(tips, [...onto.merged, plan].sort()) });
    }
  }

  #require(plan: string): Traveller {
    const traveller = this.#travellers.get(plan);
    if (!traveller) throw new Error(`${plan} is no plan that may come home`);
    return traveller;
  }
}

/** The same plans leave the same commits to merge with, so that with the same files every later merge is the same. */
function toBranches(tips: Branches['tips'], merged: readonly string[]): Branches {
  const trees = [...tips.values()].map(({ tree }) => tree);
  return { tips, merged, key: `${merged.join(' ')} ${trees.join(' ')}` };
}

const keyOf = ({ onto, plan }: Attempt): string => `${plan} ${onto.key}`;
