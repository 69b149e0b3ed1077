import { lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { newId } from '../../../base/id.ts';
import { WtdError } from '../../../contract/errors.ts';
import type { TaskReport } from '../../../contract/models.ts';
import type { Git } from '../../git/git.ts';
import { contextDirectory, contextFiles } from '../../worktrees/context.ts';
import { formatStatusFile } from './status-file.ts';

/** Where the worktree's tools find which plan they are in, and note how its tasks are; git does not see it. */
const ignoreFile = join(contextDirectory, contextFiles.ignore);
const currentPlanFile = join(contextDirectory, contextFiles.currentPlan);
export const statusFile = join(contextDirectory, contextFiles.status);

/**
 * Keeps `current-plan.txt` (the plan file's path within the repository and a newline) and, where there is none yet,
 * `status.json`. Throws INVALID_STATE where git would see it, or where `.claude-context` is no directory; without a plan
 * file it is left alone there.
 */
export async function writeContext(
  git: Git,
  worktree: string,
  { file, tasks }: { file: string | null; tasks: readonly TaskReport[] },
): Promise<void> {
  const directory = join(worktree, contextDirectory);
  const made = await makeOwnDirectory(directory);
  if (made === 'no directory' && file === null) return;
  if (made === 'no directory') throw notADirectory(directory);
  const tracked = made === 'was there' ? await findTracked(git, worktree) : undefined;
  if (tracked !== undefined && file === null) return;
  if (tracked !== undefined) throw isTracked(join(worktree, tracked));
  const ignore = join(worktree, ignoreFile);
  if (!(await isThere(ignore))) await write(ignore, '*\n');
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

async function makeOwnDirectory(directory: string): Promise<'made' | 'was there' | 'no directory'> {
  try {
    await mkdir(directory);
    return 'made';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return (await lstat(directory)).isDirectory() ? 'was there' : 'no directory';
}

/** The first of our files that is in the repository's history: it tells of another plan, and git would see it change. */
async function findTracked(git: Git, worktree: string): Promise<string | undefined> {
  const tracked = await git.read(worktree, ['ls-files', '-z', '--', currentPlanFile, statusFile]);
  return tracked.split('\0').find((path) => path !== '');
}

const isTracked = (path: string): WtdError =>
  new WtdError('INVALID_STATE', `${path} is tracked by git, so the plan cannot be noted there`, {
    hint: `take it out of the branch with \`git rm --cached -r ${contextDirectory}\` and a commit, or leave --file out`,
    state: 'tracked',
    allowed: ['not tracked'],
  });

const notADirectory = (directory: string): WtdError =>
  new WtdError('INVALID_STATE', `${directory} is not a directory, so the plan file cannot be noted there`, {
    hint: `take ${contextDirectory} out of the repository, or leave --file out`,
    state: 'not a directory',
    allowed: ['a directory, or nothing'],
  });
