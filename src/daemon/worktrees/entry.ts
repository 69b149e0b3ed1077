import { lstat, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Git } from '../git/git.ts';
import { countUnreachable, listWorktrees } from '../git/questions.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import type { Findings } from './safety.ts';

/** What git leaves in a worktree's own directory while an operation is under way. */
const operationMarks: readonly [string, string][] = [
  ['rebase-merge', 'rebase'],
  ['rebase-apply', 'rebase'],
  ['MERGE_HEAD', 'merge'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  ['BISECT_LOG', 'bisect'],
];

type Kept = Pick<Findings, 'status' | 'operation' | 'unreachableCommits'>;

const nothing: Kept = { status: { changed: 0, untracked: 0, conflicted: 0 }, operation: null, unreachableCommits: 0 };

/**
 * Looks at what git's entry of a worktree keeps after its directory is gone: what was staged, an operation in progress,
 * commits of a detached HEAD. Nothing when the repository is gone as well.
 */
export async function examineEntry(git: Git, { commonDir }: { commonDir: string }, path: string): Promise<Kept> {
  if (await isMissing(commonDir)) return nothing;
  const listed = await listWorktrees(git, commonDir).catch(() => undefined);
  const entry = listed?.find((each) => each.path === path);
  if (listed && !entry) return nothing;
  const directory = await findEntry(commonDir, path).catch(() => undefined);
  if (!entry || directory === undefined) {
    return { status: undefined, operation: undefined, unreachableCommits: undefined };
  }
  const [changed, operation, unreachableCommits] = await Promise.all([
    countStaged(git, commonDir, directory).catch(() => undefined),
    markedOperation(directory).catch(() => undefined),
    countDetached(git, commonDir, entry).catch(() => undefined),
  ]);
  const status = changed === undefined ? undefined : { changed, untracked: 0, conflicted: 0 };
  return { status, operation, unreachableCommits };
}

/** Whether git ever finished writing the files of a worktree; before that nobody worked there. */
export async function wasFilled(commonDir: string, path: string): Promise<boolean> {
  const directory = await findEntry(commonDir, path);
  return directory === undefined || !(await isMissing(join(directory, 'index')));
}

/** Lies in git's directory of a worktree while nobody but the daemon has put anything into it. */
const furnishingMark = 'wtd-restore';

/** Says so; answers where, for whoever takes the mark away again. */
export async function markFurnishing(commonDir: string, path: string): Promise<string> {
  const directory = await findEntry(commonDir, path);
  if (directory === undefined) throw new Error(`git does not know the worktree ${path}`);
  const mark = join(directory, furnishingMark);
  await writeFile(mark, '');
  return mark;
}

/** Whether nothing is in a worktree that somebody could miss. */
export async function isBeingFurnished(commonDir: string, path: string): Promise<boolean> {
  const directory = await findEntry(commonDir, path);
  return directory !== undefined && !(await isMissing(join(directory, furnishingMark)));
}

/** The operation that was begun in the worktree of this git directory; null: none. */
export async function markedOperation(gitDir: string): Promise<string | null> {
  for (const [mark, operation] of operationMarks) {
    if (!(await isMissing(join(gitDir, mark)))) return operation;
  }
  return null;
}

/** A link that leads nowhere is there. */
export async function isMissing(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** A directory that is there, but does not say which worktree it is. */
export const isUnlinked = async (path: string): Promise<boolean> =>
  !(await isMissing(path)) && (await isMissing(join(path, '.git')));

/** Where git keeps index and HEAD of a linked worktree, whether or not its directory is there. */
export async function findEntry(commonDir: string, path: string): Promise<string | undefined> {
  const entries = join(commonDir, 'worktrees');
  for (const name of await readdir(entries)) {
    const directory = join(entries, name);
    // The entry of another worktree may be half made.
    const pointer = await readFile(join(directory, 'gitdir'), 'utf8').catch(() => undefined);
    if (pointer !== undefined && dirname(resolve(directory, pointer.trimEnd())) === path) return directory;
  }
  return undefined;
}

/** The same as the worktree's own `.git` names it; undefined unless each of the two names the other. */
export async function findAgreedEntry(commonDir: string, path: string): Promise<string | undefined> {
  const said = await readFile(join(path, '.git'), 'utf8').catch(() => '');
  const named = /^gitdir: (?<entry>[^\0]+?)\n?$/.exec(said)?.groups?.['entry'];
  if (named === undefined) return undefined;
  const entry = await realpath(resolve(path, named)).catch(() => undefined);
  const entries = await realpath(join(commonDir, 'worktrees')).catch(() => undefined);
  if (entry === undefined || dirname(entry) !== entries) return undefined;
  const pointer = await readFile(join(entry, 'gitdir'), 'utf8').catch(() => '');
  return dirname(resolve(entry, pointer.trimEnd())) === path ? entry : undefined;
}

export const isRegistered = async (commonDir: string, path: string): Promise<boolean> =>
  (await findEntry(commonDir, path).catch(() => undefined)) !== undefined;

async function countStaged(git: Git, commonDir: string, directory: string): Promise<number> {
  if (await isMissing(join(directory, 'index'))) return 0;
  const args = [`--git-dir=${directory}`, 'diff-index', '--cached', '--name-only', '-z', 'HEAD', '--'];
  return new Set((await git.read(commonDir, args)).split('\0').filter((name) => name !== '')).size;
}

async function countDetached(git: Git, commonDir: string, { branch, head }: ListedWorktree): Promise<number> {
  return branch !== null || head === null ? 0 : countUnreachable(git, commonDir, head);
}
