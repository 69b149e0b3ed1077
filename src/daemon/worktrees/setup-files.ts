import { constants } from 'node:fs';
import { cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '../commands/commands.ts';
import type { Git } from '../git/git.ts';
import { ignoredAmong } from '../git/questions.ts';
import type { WorktreeRow } from '../registry/rows.ts';

/** More than anybody lists on purpose. */
const mostFound = 1000;
const mostLookedAt = 10_000;
/** A directory of some gigabytes on a file system that cannot share them. */
const copyTimeoutMs = 30 * 60_000;

/**
 * The paths below a checkout that the patterns name and that git ignores: nothing of the history, nothing that somebody
 * forgot to add, nothing that is reached through a link, and nothing of wtd's own.
 */
export async function findIgnored(
  git: Git,
  { checkout, own }: { checkout: string; own: readonly string[] },
  patterns: readonly string[],
): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    for (const path of await expand(checkout, pattern.replace(/\/$/, ''))) found.add(path);
    if (found.size > mostFound) throw new Error(`${pattern} names more than ${mostFound} paths`);
  }
  const touches = (path: string, other: string) => `${other}/`.startsWith(`${path}/`) || path.startsWith(`${other}/`);
  const wanted = [...found].filter((path) => !own.some((each) => touches(join(checkout, path), each)));
  return ignoredAmong(git, checkout, wanted);
}

type Place = Pick<WorktreeRow, 'id' | 'path'>;

/** Where what is copied lies until it is whole: on the same file system, and nobody's work. */
const stagingOf = ({ id, path }: Place): string => join(path, `.wtd-setup-${id}`);

export async function removeStaging(row: Place): Promise<void> {
  await rm(stagingOf(row), { recursive: true, force: true });
}

/**
 * Copies a path of the checkout to the same place of a worktree, sharing the blocks where the file system can. What the
 * worktree has stays; it is there whole or not at all.
 */
export async function bring(path: string, checkout: string, row: Place): Promise<void> {
  const target = join(row.path, path);
  if (!(await isFree(row.path, path))) return;
  const source = join(checkout, path);
  const staging = stagingOf(row);
  await mkdir(staging, { mode: 0o700 });
  try {
    const staged = join(staging, 'copy');
    if ((await lstat(source)).isDirectory()) await cloneDirectory(source, staged);
    else await cp(source, staged, copyOptions);
    await mkdir(dirname(target), { recursive: true });
    await rename(staged, target);
  } finally {
    await removeStaging(row);
  }
}

/** `*` and `?` within the parts of a pattern; a directory that is a link is not entered. */
async function expand(root: string, pattern: string): Promise<string[]> {
  let places = [''];
  for (const part of pattern.split('/')) {
    const next: string[] = [];
    for (const place of places) {
      if (place !== '' && !(await isDirectory(join(root, place)))) continue;
      const names = /[*?]/.test(part) ? await matching(join(root, place), part) : [part];
      next.push(...names.map((name) => (place === '' ? name : `${place}/${name}`)));
    }
    if (next.length > mostLookedAt) throw new Error(`${pattern} would look at more than ${mostLookedAt} paths`);
    places = next;
  }
  const kept: string[] = [];
  for (const place of places) if (await exists(join(root, place))) kept.push(place);
  return kept;
}

async function matching(directory: string, part: string): Promise<string[]> {
  const names = await readdir(directory).catch((): string[] => []);
  const isShown = (name: string) => part.startsWith('.') || !name.startsWith('.');
  return names.filter((name) => name !== '.git' && isShown(name) && matches(name, part));
}

/** In the time of both lengths multiplied, whatever somebody writes: no regular expression. Pure. */
export function matches(name: string, pattern: string): boolean {
  let [at, star, resume] = [0, -1, 0];
  for (let index = 0; index < name.length;) {
    if (pattern[at] === '*') [star, resume] = [at++, index];
    else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[index]))
      [at, index] = [at + 1, index + 1];
    else if (star >= 0) [at, index] = [star + 1, ++resume];
    else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}

const statOf = (path: string) => lstat(path).catch(() => undefined);

const isDirectory = async (path: string): Promise<boolean> => (await statOf(path))?.isDirectory() === true;

const exists = async (path: string): Promise<boolean> => (await statOf(path)) !== undefined;

/** Nothing is at that place of a worktree yet, and no link of the checkout leads the way there out of it. */
async function isFree(worktree: string, path: string): Promise<boolean> {
  const parts = path.split('/');
  let place = worktree;
  for (const [index, part] of parts.entries()) {
    place = join(place, part);
    const found = await statOf(place);
    if (!found) return true;
    if (index === parts.length - 1 || !found.isDirectory()) return false;
  }
  return false;
}

/** Links are kept as they are, wherever they lead. */
const copyOptions = {
  recursive: true,
  verbatimSymlinks: true,
  preserveTimestamps: true,
  errorOnExist: true,
  force: false,
  mode: constants.COPYFILE_FICLONE,
};

/** By GNU cp, which leaves the event loop alone; where it is another cp, Node asks the file system for the same. */
async function cloneDirectory(source: string, target: string): Promise<void> {
  const args = ['-a', '--reflink=auto', '--no-target-directory', '--', source, target];
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };
  try {
    await runCommand({ program: 'cp', args, env, timeoutMs: copyTimeoutMs });
  } catch (error) {
    if (!/(unrecognized|illegal|invalid|unknown) option/.test((error as Error).message)) throw error;
    await cp(source, target, copyOptions);
  }
}
