import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';

/**
 * A short text that changes whenever HEAD, the index or a file of a worktree does that git would miss. It tells whether
 * a snapshot still has everything.
 */
export async function printOf(git: Git, path: string): Promise<string> {
  const args = ['status', '--porcelain=v2', '--branch', '-z', '--untracked-files=all', '--ignore-submodules=none'];
  const status = await git.read(path, args);
  const hash = createHash('sha256').update(status);
  for (const file of pathsIn(status)) {
    const entry = await lstat(join(path, file), { bigint: true }).catch(() => undefined);
    if (entry) hash.update(`${file}\0${entry.mtimeNs} ${entry.size} ${entry.ino} ${entry.mode}\0`);
  }
  return hash.digest('hex');
}

/** How many fields of `git status --porcelain=v2` stand before the path, by the kind of the entry. */
const fieldsBefore: Readonly<Record<string, number>> = { '1': 8, '2': 9, u: 10, '?': 1 };

function pathsIn(status: string): string[] {
  return status.split('\0').flatMap((entry) => {
    const before = fieldsBefore[entry.charAt(0)];
    if (before === undefined || entry.charAt(1) !== ' ') return [];
    return [entry.split(' ').slice(before).join(' ')];
  });
}
