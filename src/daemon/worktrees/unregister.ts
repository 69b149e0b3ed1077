import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import { findEntry, isMissing } from './entry.ts';

/** Takes a worktree whose files are gone out of git's list. Throws GIT_FAILED. */
export async function unregister(git: Git, commonDir: string, path: string): Promise<void> {
  const entry = await findEntry(commonDir, path).catch(() => undefined);
  try {
    // Twice: the first means "although files are there", the second "although it is locked".
    await git.write(commonDir, ['worktree', 'remove', '--force', '--force', '--', path]);
  } catch (error) {
    // Another git, such as a gc, wrote into the entry while it was deleted; half an entry would be in everybody's way.
    if (entry === undefined || !(await isMissing(join(entry, 'gitdir')))) throw error;
    await rm(entry, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  }
}
