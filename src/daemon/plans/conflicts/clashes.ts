import type { Git } from '../../git/git.ts';
import type { Conflict } from '../../git/merge-tree.ts';
import { tryMerges, type Pair, type TrialObjects } from '../../git/trial-merges.ts';

interface Traveller {
  name: string;
  tip: string;
  into: string;
  intoTip: string;
}

/** Which plans conflict with each other, and which with what they are to be merged into. */
export class Clashes {
  /** By plan, then by the other one. */
  readonly #between = new Map<string, Map<string, readonly Conflict[]>>();
  readonly #withBase = new Map<string, readonly Conflict[]>();

  private constructor() {
    // Made by `find`.
  }

  /** Merges each two that go into the same branch. */
  static async find(
    { git, commonDir, objects }: { git: Git; commonDir: string; objects: TrialObjects },
    travellers: readonly Traveller[],
  ): Promise<Clashes> {
    const clashes = new Clashes();
    const asked = travellers.flatMap((one, index) => [
      { one, other: undefined, pair: [one.intoTip, one.tip] as Pair },
      ...travellers
        .slice(index + 1)
        .filter(({ into }) => into === one.into)
        .map((other) => ({ one, other, pair: [one.tip, other.tip] as Pair })),
    ]);
    const merges = await tryMerges(git, commonDir, { pairs: asked.map(({ pair }) => pair), objects });
    for (const [index, { isClean, conflicts }] of merges.entries()) {
      const { one, other } = asked[index] ?? {};
      if (isClean || !one) continue;
      if (other) clashes.#note(one.name, other.name, conflicts);
      else clashes.#withBase.set(one.name, conflicts);
    }
    return clashes;
  }

  /** Names of the plans that conflict with this one. */
  of(plan: string): ReadonlyMap<string, readonly Conflict[]> {
    return this.#between.get(plan) ?? new Map<string, readonly Conflict[]>();
  }

  isWithBase(plan: string): boolean {
    return this.#withBase.has(plan);
  }

  #note(one: string, other: string, conflicts: readonly Conflict[]): void {
    this.#between.set(one, new Map(this.of(one)).set(other, conflicts));
    this.#between.set(other, new Map(this.of(other)).set(one, conflicts));
  }
}
