import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import type { Git } from '../../git/git.ts';
import { parseStatusEntries } from '../../git/porcelain.ts';
import { fullPath } from '../../git/byte-paths.ts';

const status = ['status', '--porcelain=v2', '--branch', '-z', '--no-renames'];

/**
 * A short text that changes whenever HEAD, the index or a file of a worktree does that git would miss. It tells whether
 * a snapshot still has everything.
 */
export async function printOf(git: Git, path: string): Promise<string> {
  const args = [...status, '--untracked-files=all', '--ignore-submodules=none'];
  const output = await git.bytes(path, args, { env: { GIT_OPTIONAL_LOCKS: '0' } });
  const hash = createHash('sha256').update(output, 'latin1');
  for (const file of parseStatusEntries(output)) {
    const entry = await lstat(fullPath(path, file.path), { bigint: true }).catch(() => undefined);
    if (!entry) continue;
    hash.update(`${file.path}\0${entry.mtimeNs} ${entry.size} ${entry.ino} ${entry.mode}\0`, 'latin1');
  }
  return hash.digest('hex');
}
