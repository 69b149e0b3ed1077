import { lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { newId } from '../../base/id.ts';
import { WtdError } from '../../contract/errors.ts';
import type { TaskReport } from '../../contract/models.ts';
import { contextDirectory, contextFiles } from '../worktrees/context.ts';
import { formatStatusFile } from './status-file.ts';

/** Where the worktree's tools find which plan they are in, and note how its tasks are; git does not see it. */
const currentPlanFile = join(contextDirectory, contextFiles.currentPlan);
export const statusFile = join(contextDirectory, contextFiles.status);

/**
 * Keeps `current-plan.txt` (the plan file's path within the repository and a newline) and, where there is none yet,
 * `status.json`. Without a plan file a `.claude-context` that is no directory is left alone.
 */
export async function writeContext(
  worktree: string,
  { file, tasks }: { file: string | null; tasks: readonly TaskReport[] },
): Promise<void> {
  const directory = join(worktree, contextDirectory);
  const isOurs = await makeOwnDirectory(directory);
  if (!isOurs && file === null) return;
  if (!isOurs) throw notADirectory(directory);
  if (file !== null) await write(join(worktree, currentPlanFile), `${file}\n`);
  const status = join(worktree, statusFile);
  if (!(await isThere(status))) await write(status, formatStatusFile(tasks));
}

/** Beside it and renamed: a link of that name in the repository must not lead the writing elsewhere. */
async function write(path: string, text: string): Promise<void> {
  const fresh = join(dirname(path), `${basename(path)}.${newId()}.tmp`);
  try {
    await writeFile(fresh, text, { flag: 'wx' });
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw Object.assign(error as Error, { path: fresh }); // a write that fails does not say where
  }
}

/** Also a link that leads nowhere is there. */
const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Answers false when something else has its name. */
async function makeOwnDirectory(directory: string): Promise<boolean> {
  await mkdir(directory).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  return (await lstat(directory)).isDirectory();
}

const notADirectory = (directory: string): WtdError =>
  new WtdError('INVALID_STATE', `${directory} is not a directory, so the plan file cannot be noted there`, {
    hint: `take ${contextDirectory} out of the repository, or leave --file out`,
    state: 'not a directory',
    allowed: ['a directory, or nothing'],
  });
