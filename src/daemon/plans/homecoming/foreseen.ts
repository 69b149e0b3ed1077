import { TrialObjects } from '../../git/trial-merges.ts';

/** What the plans that come first in a dry run will have changed by then. */
export class Foreseen implements AsyncDisposable {
  /** The plans that are home, and where. */
  readonly home = new Map<string, string>();
  /** The last commits of the branches that have them. */
  readonly tips = new Map<string, string>();
  #objects: Promise<TrialObjects> | undefined;

  /** Where all their commits lie, for as long as this is there. */
  objects(trials: string, commonDir: string): Promise<TrialObjects> {
    this.#objects ??= TrialObjects.open(trials, commonDir);
    return this.#objects;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#objects)?.[Symbol.asyncDispose]();
  }
}
