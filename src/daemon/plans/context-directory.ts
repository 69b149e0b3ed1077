import { lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../../base/id.ts';
import { WtdError } from '../../contract/errors.ts';

/** Where the worktree's tools find which plan they are in; git does not see it. */
const contextDirectory = '.claude-context';

/** Keeps `current-plan.txt`: the plan file's path within the repository and a newline. */
export async function writeCurrentPlan(worktree: string, file: string | null): Promise<void> {
  if (file === null) return;
  const directory = join(worktree, contextDirectory);
  await requireOwnDirectory(directory);
  // Written beside and renamed: a link of that name in the repository must not lead the writing elsewhere.
  const fresh = join(directory, `current-plan.${newId()}.tmp`);
  try {
    await writeFile(fresh, `${file}\n`, { flag: 'wx' });
    await rename(fresh, join(directory, 'current-plan.txt'));
  } catch (error) {
    await rm(fresh, { force: true });
    throw Object.assign(error as Error, { path: fresh }); // a write that fails does not say where
  }
}

async function requireOwnDirectory(directory: string): Promise<void> {
  await mkdir(directory).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  if ((await lstat(directory)).isDirectory()) return;
  throw new WtdError('INVALID_STATE', `${directory} is not a directory, so the plan file cannot be noted there`, {
    hint: `take ${contextDirectory} out of the repository, or leave --file out`,
    state: 'not a directory',
    allowed: ['a directory, or nothing'],
  });
}
