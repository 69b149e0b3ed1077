import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import { findCommit, listWorktrees } from '../git/questions.ts';
import type { Tell } from '../registry/registry.ts';
import type { WorktreeRow } from '../registry/rows.ts';
import { findAgreedEntry } from './entry.ts';
import { branchExists, branchTaken } from './refusals.ts';

/** What a new worktree shall be. */
export interface Wanted {
  /** Default: after its branch, else its kind. */
  name?: string | undefined;
  /** Null: HEAD is detached at `baseCommit`. */
  branch: string | null;
  /** It has just been seen that there is no such branch; one that comes up meanwhile is refused with ALREADY_EXISTS. */
  isNewBranch?: boolean | undefined;
  base: string | null;
  /** Where a new branch starts; an existing branch keeps its tip. */
  baseCommit: string;
  kind: WorktreeRow['kind'];
  /** Default: in_use. */
  state?: 'in_use' | 'available' | undefined;
  task?: string | undefined;
  /** Nobody is to listen in it. */
  hasNoPorts?: boolean | undefined;
  /** Whom git's lock names, when it is not the worktree itself: the plan. */
  owner?: string | undefined;
  /** Brings more into it, before anybody may use it; what throws or is killed here takes all of it back. */
  furnish?: ((row: WorktreeRow) => Promise<void>) | undefined;
  /** Of the commands that set it up; default: the daemon's. */
  environment?: Readonly<Record<string, string>> | undefined;
  /** Writes down whose it is, together with the worktree: no crash leaves it without an owner. */
  claim?: ((made: WorktreeRow, tell: Tell) => void) | undefined;
}

interface Registration extends Pick<Wanted, 'isNewBranch'> {
  row: WorktreeRow;
  /** Kept by git, for whoever wonders. */
  lockReason: string;
  /** Environment of the git that does it. */
  env: Record<string, string>;
  /** Called when somebody else has made the branch meanwhile: it is not ours to take away. */
  disown: () => void;
}

/** Refs and registration only; the files are written outside the lock. Throws BUSY, ALREADY_EXISTS, GIT_FAILED. */
export async function register(git: Git, commonDir: string, registration: Registration): Promise<void> {
  const { row, isNewBranch, lockReason, env } = registration;
  const { branch, baseCommit } = row;
  // A worktree can stand on a branch that is not born yet, and would find itself on ours.
  if (row.branchMade && isNewBranch !== true) await requireFree(git, commonDir, branch);
  if (row.branchMade && branch !== null) await makeBranch(git, commonDir, { ...registration, branch });
  const how = ['--quiet', '--no-checkout', '--lock', '--reason', lockReason];
  const what = branch === null ? ['--detach', '--', row.path, baseCommit] : ['--', row.path, branch];
  try {
    await git.write(commonDir, ['worktree', 'add', ...how, ...what], env);
  } catch (error) {
    await requireFree(git, commonDir, branch); // git refuses one that is checked out, in its own words
    throw error;
  }
}

/** By a command of its own, so that each of the two can be tried again; refuses one that exists by now. */
async function makeBranch(
  git: Git,
  commonDir: string,
  { branch, row: { baseCommit }, env, disown }: Registration & { branch: string },
): Promise<void> {
  const none = '0'.repeat(baseCommit.length);
  const reason = ['-m', 'branch: Created by wtd'];
  try {
    await git.write(commonDir, ['update-ref', ...reason, `refs/heads/${branch}`, baseCommit, none], env);
  } catch (error) {
    if ((await findCommit(git, commonDir, `refs/heads/${branch}`)) === undefined) throw error;
    disown();
    await requireFree(git, commonDir, branch);
    throw branchExists(branch);
  }
}

/** Throws BUSY, naming the worktree that the branch is checked out in. */
async function requireFree(git: Git, commonDir: string, branch: string | null): Promise<void> {
  const holder = branch !== null && (await listWorktrees(git, commonDir)).find((listed) => listed.branch === branch);
  if (holder) throw branchTaken(holder.branch ?? '', holder.path);
}

/**
 * Work must never start in anything but a worktree of its own. Asked when git has just written the files of its HEAD,
 * which proves that this can be read.
 */
export async function requireRegistered(git: Git, commonDir: string, { path, branch }: WorktreeRow): Promise<void> {
  const entry = await findAgreedEntry(commonDir, path);
  if (entry === undefined) throw new Error(`${path} and git's list of worktrees do not name each other`);
  const wanted = branch === null ? 'HEAD' : `refs/heads/${branch}`;
  // Where refs are kept as files this says it; git knows how else they can be kept.
  if ((await readFile(join(entry, 'HEAD'), 'utf8')) === `ref: ${wanted}\n`) return;
  const head = await git.read(path, ['rev-parse', '--symbolic-full-name', 'HEAD']);
  if (head !== wanted) throw new Error(`${path} became a worktree on ${head} instead of ${wanted}`);
}
