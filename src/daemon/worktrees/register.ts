import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import { listWorktrees } from '../git/questions.ts';
import type { Tell } from '../registry/registry.ts';
import type { WorktreeRow } from '../registry/rows.ts';
import { findEntry } from './entry.ts';
import { branchTaken } from './refusals.ts';

/** What a new worktree shall be. */
export interface Wanted {
  /** Default: after its branch, else its kind. */
  name?: string | undefined;
  /** Null: HEAD is detached at `baseCommit`. */
  branch: string | null;
  /** Throws ALREADY_EXISTS when there is a branch of that name. */
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

interface Registration {
  row: WorktreeRow;
  /** Kept by git, for whoever wonders. */
  lockReason: string;
  /** Environment of the git that does it. */
  env: Record<string, string>;
}

/** Refs and registration only; the files are written outside the lock. Throws BUSY, GIT_FAILED. */
export async function register(git: Git, commonDir: string, { row, lockReason, env }: Registration): Promise<void> {
  const { branch, baseCommit } = row;
  const holder = branch !== null && (await listWorktrees(git, commonDir)).find((listed) => listed.branch === branch);
  if (holder) throw branchTaken(holder.branch ?? '', holder.path);
  if (row.branchMade && branch !== null) await makeBranch(git, commonDir, { branch, baseCommit, env });
  const how = ['--quiet', '--no-checkout', '--lock', '--reason', lockReason];
  const what = branch === null ? ['--detach', '--', row.path, baseCommit] : ['--', row.path, branch];
  await git.write(commonDir, ['worktree', 'add', ...how, ...what], env);
}

/** By a command of its own, so that each of the two can be tried again; refuses one that exists by now. */
async function makeBranch(
  git: Git,
  commonDir: string,
  { branch, baseCommit, env }: { branch: string; baseCommit: string; env?: Record<string, string> },
): Promise<void> {
  const none = '0'.repeat(baseCommit.length);
  const reason = ['-m', 'branch: Created by wtd'];
  await git.write(commonDir, ['update-ref', ...reason, `refs/heads/${branch}`, baseCommit, none], env);
}

/** Work must never start in anything but a worktree of its own. */
export async function requireRegistered(git: Git, commonDir: string, row: WorktreeRow): Promise<void> {
  await access(join(row.path, '.git'));
  const entry = await findEntry(commonDir, row.path);
  if (entry === undefined) throw new Error(`${row.path} is not in git's list of worktrees`);
  await git.read(row.path, ['rev-parse', '--verify', '--quiet', 'HEAD^{tree}']);
  const found = await git.read(row.path, ['rev-parse', '--show-toplevel', '--symbolic-full-name', 'HEAD']);
  const end = found.lastIndexOf('\n'); // a path may have newlines, a ref may not
  const [toplevel, head] = [found.slice(0, end), found.slice(end + 1)];
  const wanted = row.branch === null ? 'HEAD' : `refs/heads/${row.branch}`;
  if (toplevel === row.path && head === wanted) return;
  throw new Error(`${row.path} became ${toplevel} on ${head} instead of a worktree on ${wanted}`);
}
