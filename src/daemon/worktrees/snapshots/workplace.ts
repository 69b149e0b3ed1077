import { copyFile, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../../git/git.ts';

/** A worktree as git is to see it without being able to touch it: with a copy of its index. */
export interface Workplace {
  path: string;
  /** Where git keeps its HEAD and index. */
  gitDir: string;
  /** The copy; null: the worktree has none. */
  index: string | null;
  /** Of every git that looks at it. */
  env: Record<string, string>;
}

/** Nothing that would make the index other than one whole file, or hide what differs. */
const configuration: Readonly<Record<string, string>> = {
  'core.splitIndex': 'false',
  'core.untrackedCache': 'false',
  'core.fileMode': 'true',
  'core.protectNTFS': 'false',
  'core.protectHFS': 'false',
};

/** What binds git to a worktree and to an index of one's own. */
export function environmentOf({ path, gitDir }: { path: string; gitDir: string }, index: string) {
  const keys = Object.keys(configuration);
  return {
    GIT_DIR: gitDir,
    GIT_WORK_TREE: path,
    GIT_INDEX_FILE: index,
    GIT_OPTIONAL_LOCKS: '0',
    GIT_CONFIG_COUNT: String(keys.length),
    ...Object.fromEntries(keys.map((key, at) => [`GIT_CONFIG_KEY_${at}`, key])),
    ...Object.fromEntries(keys.map((key, at) => [`GIT_CONFIG_VALUE_${at}`, configuration[key] ?? ''])),
  };
}

/** Copies the index into `scratch` and makes it one that needs no other file. */
export async function openWorkplace(
  git: Git,
  { path, gitDir }: { path: string; gitDir: string },
  scratch: string,
): Promise<Workplace> {
  const index = join(scratch, 'index');
  const env = environmentOf({ path, gitDir }, index);
  const original = join(gitDir, 'index');
  const { mtimeMs } = await stat(original).catch(() => ({ mtimeMs: undefined }));
  if (mtimeMs === undefined) return { path, gitDir, index: null, env };
  await copyFile(original, index);
  await git.bytes(path, ['update-index', '--no-split-index', '--no-fsmonitor', '--no-untracked-cache'], { env });
  // As old as the original at most, or git would trust files that changed right after that was written.
  const seconds = Math.floor(mtimeMs / 1000);
  await utimes(index, seconds, seconds);
  return { path, gitDir, index, env };
}
