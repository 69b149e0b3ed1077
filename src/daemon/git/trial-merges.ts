import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { quotedText } from './byte-paths.ts';
import type { Git } from './git.ts';
import { findMergePlaces, type MergePlace } from './merge-places.ts';
import { parseMerges, type Merge } from './merge-tree.ts';

/** More merges in one process would keep the others waiting. */
const mostAtOnce = 250;
/** Of all processes that git may be, so that every other question finds one that is free soon. */
const limit = pLimit(2);

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
  const env = { ...objects.env };
  const commits = pairs.map(([ours]) => ours);
  const places = await findMergePlaces(git, commonDir, { commits, scratch: objects.directory, env });
  const merges: Merge[] = [];
  const mergeSome = async (ats: readonly number[], place: MergePlace) => {
    const input = ats.map((at) => `${pairs[at]?.join(' ') ?? ''}\n`).join('');
    const args = ['merge-tree', '--write-tree', '-z', '--allow-unrelated-histories', '--stdin'];
    const some = parseMerges(await git.bytes(place.directory, args, { input, env: { ...place.env } }));
    if (some.length !== ats.length) throw new Error(`git merged ${some.length} of ${ats.length} pairs`);
    for (const [index, merge] of some.entries()) merges[ats[index] ?? 0] = merge;
  };
  const parts = [...new Set(places.values())].flatMap((place) => {
    const there = pairs.flatMap(([ours], at) => (places.get(ours) === place ? [at] : []));
    const starts = Array.from({ length: Math.ceil(there.length / mostAtOnce) }, (_, index) => index * mostAtOnce);
    return starts.map((start) => ({ ats: there.slice(start, start + mostAtOnce), place }));
  });
  await Promise.all(parts.map(({ ats, place }) => limit(mergeSome, ats, place)));
  return merges;
}
