import { setImmediate as nextTurn } from 'node:timers/promises';
import { BoundedMap } from '../../../base/bounded-map.ts';
import { changedFiles, type Change } from '../../git/changed-files.ts';
import { findPartings, type Parting } from '../../git/partings.ts';
import type { Git } from '../../git/git.ts';
import { TrialObjects, tryMerges, type Pair } from '../../git/trial-merges.ts';
import { assess, type Assessment } from './conflict-assessment.ts';

/** Names of files and pairs that are kept. */
const mostKept = 200_000;
/** More in one go would keep everybody else waiting. */
const pairsATurn = 500;

/** What merges of two commits give. An answer is kept: the same two commits always give the same. */
export class TrialResults {
  readonly #git: Git;
  readonly #trials: string;
  readonly #known = new BoundedMap<Assessment>(mostKept, ({ files, shared }) => 1 + files.length + shared.length);
  readonly #changes = new BoundedMap<Change[]>(mostKept, (changes) => 1 + changes.length);

  constructor({ git, trials }: { git: Git; trials: string }) {
    this.#git = git;
    this.#trials = trials;
  }

  /** In the order of the pairs. `objects` has commits that the repository lacks. */
  async of(commonDir: string, pairs: readonly Pair[], objects?: TrialObjects): Promise<Assessment[]> {
    const found = new Map(pairs.map((pair) => [keyOf(pair), this.#known.get(keyOf(pair))]));
    const unknown = pairs.filter((pair) => found.get(keyOf(pair)) === undefined);
    if (unknown.length > 0) {
      const assessments = await (objects === undefined
        ? this.#tryApart(commonDir, unknown)
        : this.#try(commonDir, unknown, objects));
      for (const [at, pair] of unknown.entries()) {
        if (at % pairsATurn === 0) await nextTurn();
        const assessment = requireAt(assessments, at);
        this.#known.set(keyOf(pair), assessment);
        found.set(keyOf(pair), assessment);
      }
    }
    return pairs.map((pair) => found.get(keyOf(pair)) ?? failMissing());
  }

  async #tryApart(commonDir: string, pairs: readonly Pair[]): Promise<Assessment[]> {
    await using objects = await TrialObjects.open(this.#trials, commonDir);
    return await this.#try(commonDir, pairs, objects);
  }

  async #try(commonDir: string, pairs: readonly Pair[], objects: TrialObjects): Promise<Assessment[]> {
    const env = { ...objects.env };
    const [merges, partings] = await Promise.all([
      tryMerges(this.#git, commonDir, { pairs, objects }),
      findPartings(this.#git, commonDir, { pairs, env }),
    ]);
    const changes = await this.#changesOf(commonDir, partings, env);
    const assessments: Assessment[] = [];
    for (const [at, commits] of pairs.entries()) {
      if (at % pairsATurn === 0) await nextTurn();
      const { theirs: tree } = requireAt(partings, at);
      assessments.push(assess({ commits, merge: requireAt(merges, at), tree, changes: requireAt(changes, at) }));
    }
    return assessments;
  }

  async #changesOf(commonDir: string, partings: readonly Parting[], env: Record<string, string>) {
    const known = new Map<string, Change[]>();
    const unknown = new Map<string, readonly [string, string]>();
    for (const pair of partings.flatMap(sidesOf)) {
      const changes = this.#changes.get(keyOf(pair));
      if (changes) known.set(keyOf(pair), changes);
      else unknown.set(keyOf(pair), pair);
    }
    const asked = [...unknown];
    const answers = await changedFiles(this.#git, commonDir, { pairs: asked.map(([, pair]) => pair), env });
    for (const [at, [key]] of asked.entries()) {
      const changes = requireAt(answers, at);
      this.#changes.set(key, changes);
      known.set(key, changes);
    }
    return partings.map((parting) => {
      const [ours, theirs] = sidesOf(parting).map((pair) => known.get(keyOf(pair)) ?? []);
      return ours && theirs ? ([ours, theirs] as const) : null;
    });
  }
}

const keyOf = ([one, other]: readonly [string, string]): string => `${one} ${other}`;

/** From where the two parted to each of them. */
const sidesOf = ({ base, ours, theirs }: Parting): (readonly [string, string])[] =>
  base === null ? [] : [[base, ours] as const, [base, theirs] as const];

function requireAt<T>(values: readonly T[], at: number): T {
  const value = values[at];
  return value === undefined ? failMissing() : value;
}

function failMissing(): never {
  throw new Error('git answered fewer merges than it was asked for');
}
