import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WtdError } from '../../../contract/errors.ts';
import type { Git } from '../../git/git.ts';
import { findCommit } from '../../git/questions.ts';
import type { TrialObjects } from '../../git/trial-merges.ts';
import { author } from '../../worktrees/snapshots/commit.ts';
import { openWorkplace } from '../../worktrees/snapshots/workplace.ts';

/** The same work gives the same commit, so that what is known of it is known again. */
const always = { GIT_AUTHOR_DATE: '@0 +0000', GIT_COMMITTER_DATE: '@0 +0000' };

/** Other repositories inside are no news, and line ends are as `git add` would have them. */
const settings = ['-c', 'advice.addEmbeddedRepo=false', '-c', 'core.safecrlf=false'];

interface Places {
  objects: TrialObjects;
  /** Where a copy of the index may lie for a moment. */
  trials: string;
}

/**
 * A commit of all that `git add --all` would take in a worktree, on top of its HEAD, that only the trial objects have: the
 * worktree and its index are not touched. Undefined when HEAD has no commit to stand on.
 */
export async function commitUncommitted(
  git: Git,
  path: string,
  { objects, trials }: Places,
): Promise<string | undefined> {
  const head = await findCommit(git, path, 'HEAD');
  if (head === undefined) return undefined;
  const gitDir = await git.read(path, ['rev-parse', '--absolute-git-dir']);
  const scratch = await mkdtemp(join(trials, 'index-'));
  try {
    const place = await openWorkplace(git, { path, gitDir }, scratch);
    const env = { ...place.env, ...objects.env };
    await addAll(git, path, env);
    const tree = await git.bytes(path, ['write-tree'], { env });
    const args = ['commit-tree', '-p', head, '-m', 'What is not committed', tree];
    return await git.bytes(path, args, { env: { ...env, ...author, ...always } });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What cannot be added, such as a file that went away meanwhile, is left out; git says so with 1. */
async function addAll(git: Git, path: string, env: Record<string, string>): Promise<void> {
  try {
    await git.bytes(path, [...settings, 'add', '--all', '--ignore-errors'], { env });
  } catch (error) {
    if (!(error instanceof WtdError && error.data['exitCode'] === 1)) throw error;
  }
}
