import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../../git/git.ts';
import type { Workplace } from './workplace.ts';

/** What git keeps beside HEAD and index of one worktree: operations in progress and settings of its own. */
const stateFiles =
  /^(MERGE_HEAD|MERGE_MSG|MERGE_MODE|MERGE_RR|MERGE_AUTOSTASH|SQUASH_MSG|CHERRY_PICK_HEAD|REVERT_HEAD|REBASE_HEAD|ORIG_HEAD|AUTO_MERGE|BISECT_\w+|config\.worktree|info\/sparse-checkout|(rebase-merge|rebase-apply|sequencer)\/.+)$/;
const stateDirectories = ['', 'info', 'rebase-merge', 'rebase-apply', 'sequencer'];
/** A larger one is a patch, which names no commits. */
const largestSearched = 1_000_000;
const mostNamed = 1000;

/** A ref of one worktree alone, such as those of a bisection. */
export interface OwnRef {
  name: string;
  id: string;
}

/** Whether a name below the git directory is one that a snapshot holds. Pure. */
export const isStateFile = (name: string): boolean => stateFiles.test(name);

/** Relative to the git directory. */
export async function listStateFiles(gitDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const directory of stateDirectories) {
    const entries = await readdir(join(gitDir, directory), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const name = join(directory, entry.name);
      if (entry.isFile() && isStateFile(name)) found.push(name);
    }
  }
  return found;
}

export async function listOwnRefs(git: Git, { path, env }: Workplace): Promise<OwnRef[]> {
  const args = ['for-each-ref', '--format=%(refname) %(objectname)', 'refs/bisect', 'refs/worktree', 'refs/rewritten'];
  const lines = (await git.bytes(path, args, { env })).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const space = line.indexOf(' ');
    return { name: line.slice(0, space), id: line.slice(space + 1) };
  });
}

/** Trees and commits that the state names, so that they can be kept from git's gc; the fewest that reach all. */
export async function findNamed(
  git: Git,
  place: Workplace,
  { files, refs }: { files: readonly string[]; refs: readonly OwnRef[] },
): Promise<{ commits: string[]; trees: string[] }> {
  const words = new Set(refs.map(({ id }) => id));
  for (const file of files) for (const word of await hexWords(join(place.gitDir, file))) words.add(word);
  if (words.size === 0) return { commits: [], trees: [] };
  const input = [...words].slice(0, mostNamed).join('\n');
  const check = ['cat-file', '--batch-check=%(objectname) %(objecttype)'];
  const lines = (await git.bytes(place.path, check, { input: `${input}\n`, env: place.env })).split('\n');
  const ofType = (type: RegExp) => [
    ...new Set(lines.filter((line) => type.test(line)).map((line) => line.split(' ')[0] ?? '')),
  ];
  const [commits, trees] = [ofType(/ commit$/), ofType(/ tree$/)];
  if (commits.length < 2) return { commits, trees };
  const fewest = await git.bytes(place.path, ['merge-base', '--independent', ...commits], { env: place.env });
  return { commits: fewest.split('\n'), trees };
}

async function hexWords(file: string): Promise<string[]> {
  if ((await stat(file)).size > largestSearched) return [];
  return (await readFile(file, 'latin1')).match(/\b[0-9a-f]{7,64}\b/g) ?? [];
}
