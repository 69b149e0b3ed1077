import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { quotedText } from './byte-paths.ts';
import type { Git } from './git.ts';
import { parseMerges, type Merge } from './merge-tree.ts';

/** More merges in one process would keep the others waiting. */
const mostAtOnce = 250;

/** A place for the objects of merges that nobody means to keep, beside those of a repository. */
export class TrialObjects implements AsyncDisposable {
  /** For git, so that it reads the repository and writes here. */
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;

  private constructor(directory: string, commonDir: string) {
    this.directory = directory;
    const kept = quotedText(join(commonDir, 'objects'));
    this.env = { GIT_OBJECT_DIRECTORY: directory, GIT_ALTERNATE_OBJECT_DIRECTORIES: kept };
  }

  /** Below `trials`, which is made where it is missing. */
  static async open(trials: string, commonDir: string): Promise<TrialObjects> {
    await mkdir(trials, { recursive: true, mode: 0o700 });
    return new TrialObjects(await mkdtemp(join(trials, 'objects-')), commonDir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Takes away what a daemon left that died while it tried merges. */
export const clearTrials = (trials: string): Promise<void> => rm(trials, { recursive: true, force: true });

/** Two commits; the second is merged into the first. */
export type Pair = readonly [ours: string, theirs: string];

/** Merges each pair without a checkout, renames included; the answers are in the order of the pairs. Throws GIT_FAILED. */
export async function tryMerges(
  git: Git,
  commonDir: string,
  { pairs, objects }: { pairs: readonly Pair[]; objects: TrialObjects },
): Promise<Merge[]> {
  const starts = Array.from({ length: Math.ceil(pairs.length / mostAtOnce) }, (_, index) => index * mostAtOnce);
  const answers = await Promise.all(
    starts.map((start) => {
      const some = pairs.slice(start, start + mostAtOnce);
      const input = some.map(([ours, theirs]) => `${ours} ${theirs}\n`).join('');
      const args = ['merge-tree', '--write-tree', '-z', '--allow-unrelated-histories', '--stdin'];
      return git.bytes(commonDir, args, { input, env: { ...objects.env } });
    }),
  );
  const merges = answers.flatMap(parseMerges);
  if (merges.length !== pairs.length) throw new Error(`git merged ${merges.length} of ${pairs.length} pairs`);
  return merges;
}
