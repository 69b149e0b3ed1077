import type { Git } from '../git/git.ts';
import { addsNothing, aheadBehind, branchTips, findCommit } from '../git/questions.ts';
import type { RepositoryRow } from '../registry/rows.ts';

/** A branch seen from its base, both as they are now. */
export interface Comparison {
  tip: string;
  /** The commit that stands for the base. */
  base: string;
  ahead: number;
  behind: number;
  /** The base has everything that is on it. */
  isContained: boolean;
}

interface Compared {
  pair: string;
  comparison: Promise<Comparison>;
}

/** More are asked for again. */
const mostKept = 5000;

/** Compares branches with their bases; an answer is kept as long as both commits stay. */
export class BranchComparisons {
  readonly #git: Git;
  readonly #compared = new Map<string, Compared>();
  readonly #tips = new Map<string, Promise<Map<string, string>>>();

  constructor(git: Git) {
    this.#git = git;
  }

  /** Undefined when there is no such branch, or nothing to compare it with. */
  async compare(
    repository: RepositoryRow,
    { branch, base: wanted }: { branch: string; base: string | null },
  ): Promise<Comparison | undefined> {
    const tips = await this.tipsOf(repository);
    const baseName = wanted ?? repository.defaultBranch;
    const tip = tips.get(branch);
    // The base's own branch is where others are merged to.
    if (tip === undefined || baseName === null || baseName === branch) return undefined;
    const base = tips.get(baseName) ?? (await findCommit(this.#git, repository.commonDir, baseName));
    if (base === undefined) return undefined;
    const key = `${repository.id}\0${branch}\0${baseName}`;
    const pair = `${tip} ${base}`;
    const known = this.#compared.get(key);
    if (known?.pair === pair) return known.comparison;
    if (this.#compared.size >= mostKept) this.#compared.clear();
    const comparison = this.#ask(repository.commonDir, { tip, base });
    this.#compared.set(key, { pair, comparison });
    comparison.catch(() => this.#compared.delete(key));
    return comparison;
  }

  /** Tips of all branches, of which those who ask at once get the same. */
  tipsOf({ commonDir }: RepositoryRow): Promise<Map<string, string>> {
    const asked =
      this.#tips.get(commonDir) ?? branchTips(this.#git, commonDir).finally(() => this.#tips.delete(commonDir));
    this.#tips.set(commonDir, asked);
    return asked;
  }

  async #ask(commonDir: string, pair: { tip: string; base: string }): Promise<Comparison> {
    const counts = await aheadBehind(this.#git, commonDir, pair);
    const isContained = counts.ahead === 0 || (await addsNothing(this.#git, commonDir, pair));
    return { ...pair, ...counts, isContained };
  }
}
