import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from './git.ts';

/** Where git is started to merge into a commit, and with what. */
export interface MergePlace {
  directory: string;
  env: Readonly<Record<string, string>>;
}

interface Wanted {
  /** Those that something is merged into. */
  commits: readonly string[];
  /** A directory that goes away later. */
  scratch: string;
  env: Readonly<Record<string, string>>;
}

const name = '.gitattributes';

/**
 * How files are merged (`merge=union`, `binary`) git reads from files, and a merge in memory has none around it. So it gets
 * a work tree that has just the file at the top of the commit, as a checkout of it would have.
 */
export async function findMergePlaces(
  git: Git,
  commonDir: string,
  { commits, scratch, env }: Wanted,
): Promise<Map<string, MergePlace>> {
  const asked = [...new Set(commits)];
  const bare: MergePlace = { directory: commonDir, env };
  if (asked.length === 0) return new Map();
  const input = asked.map((commit) => `${commit}:${name}\n`).join('');
  const args = ['cat-file', '--batch-check=%(objecttype) %(objectname)'];
  const answers = (await git.bytes(commonDir, args, { input, env: { ...env } })).split('\n');
  const blobs = asked.map((_, at) => /^blob (?<id>[0-9a-f]+)$/.exec(answers[at] ?? '')?.groups?.['id']);
  const places = new Map<string | undefined, MergePlace>([[undefined, bare]]);
  for (const blob of new Set(blobs)) {
    if (blob === undefined) continue;
    const directory = join(scratch, `attributes-${blob}`);
    const content = await git.bytes(commonDir, ['cat-file', 'blob', blob], { env: { ...env } });
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, name), `${content}\n`, 'latin1');
    places.set(blob, { directory, env: { ...env, GIT_DIR: commonDir, GIT_WORK_TREE: directory } });
  }
  return new Map(asked.map((commit, at) => [commit, places.get(blobs[at]) ?? bare]));
}
