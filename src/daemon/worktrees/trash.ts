import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { newId } from '../../base/id.ts';

const trashName = '.trash';

/**
 * Moves a directory into a trash beside it, on the same file system: that takes no time whatever its size. Answers
 * where it lies now, to be deleted later.
 */
export async function moveToTrash(directory: string): Promise<string> {
  const trash = join(dirname(directory), trashName);
  await mkdir(trash, { recursive: true, mode: 0o700 });
  const place = join(trash, `${basename(directory)}-${newId()}`);
  await rename(directory, place);
  return place;
}

/** Deletes what lies in the trash of a directory of worktrees, and the directories themselves once they are empty. */
export async function emptyTrash(worktreesDirectory: string): Promise<void> {
  const trash = join(worktreesDirectory, trashName);
  const entries = await readdir(trash).catch(() => []);
  for (const entry of entries) await rm(join(trash, entry), { recursive: true, force: true });
  await removeIfEmpty(trash);
  await removeIfEmpty(worktreesDirectory);
}

async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch(() => undefined);
}
