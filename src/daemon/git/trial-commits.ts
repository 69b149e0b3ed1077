import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { TrialObjects } from './trial-merges.ts';

const compress = promisify(deflate);
/** Far ahead, because git takes it that a commit is younger than its parents. */
const someone = 'wtd <wtd> 4000000000 +0000';
const sha256Length = 64;

/** What a trial merge left behind, and the commits that were merged. */
interface MergeCommit {
  tree: string;
  parents: readonly string[];
}

/**
 * Writes commits beside the repository's own objects, so that more can be merged on top of them. Without a process for
 * each, which would take most of the time of a search. Answers their ids.
 */
export const writeTrialCommits = (objects: TrialObjects, commits: readonly MergeCommit[]): Promise<string[]> =>
  Promise.all(commits.map((commit) => writeCommit(objects.directory, commit)));

/** As git keeps a loose object. */
async function writeCommit(directory: string, { tree, parents }: MergeCommit): Promise<string> {
  const lines = [`tree ${tree}`, ...parents.map((parent) => `parent ${parent}`)];
  const body = [...lines, `author ${someone}`, `committer ${someone}`, '', 'trial', ''].join('\n');
  const object = `commit ${Buffer.byteLength(body)}\0${body}`;
  const id = createHash(tree.length === sha256Length ? 'sha256' : 'sha1')
    .update(object)
    .digest('hex');
  const file = join(directory, id.slice(0, 2), id.slice(2));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, await compress(object));
  return id;
}
