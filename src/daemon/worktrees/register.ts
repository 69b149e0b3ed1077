import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import { listWorktrees } from '../git/questions.ts';
import type { WorktreeRow } from '../registry/rows.ts';
import { branchTaken } from './refusals.ts';

/** What a new worktree shall be. */
export interface Wanted {
  branch: string;
  base: string | null;
  /** Where a new branch starts; an existing branch keeps its tip. */
  baseCommit: string;
  kind: WorktreeRow['kind'];
  /** Kept by git as the reason of the lock, for whoever wonders. */
  lockReason: string;
  /** Writes down whose it is, together with the worktree: no crash leaves it without an owner. */
  claim: (made: WorktreeRow) => void;
}

interface Registration {
  row: WorktreeRow;
  wanted: { branch: string; baseCommit: string; lockReason: string };
  /** Environment of the git that does it. */
  env: Record<string, string>;
}

/** Refs and registration only; the files are written outside the lock. Throws BUSY, GIT_FAILED. */
export async function register(git: Git, commonDir: string, { row, wanted, env }: Registration): Promise<void> {
  const holder = (await listWorktrees(git, commonDir)).find(({ branch }) => branch === wanted.branch);
  if (holder) throw branchTaken(wanted.branch, holder.path);
  if (row.branchMade) await makeBranch(git, commonDir, { row, wanted, env });
  const how = ['--quiet', '--no-checkout', '--lock', '--reason', wanted.lockReason];
  await git.write(commonDir, ['worktree', 'add', ...how, '--', row.path, wanted.branch], env);
}

/** By a command of its own, so that each of the two can be tried again; refuses one that exists by now. */
async function makeBranch(git: Git, commonDir: string, { wanted, env }: Registration): Promise<void> {
  const { branch, baseCommit } = wanted;
  const none = '0'.repeat(baseCommit.length);
  const reason = ['-m', 'branch: Created by wtd'];
  await git.write(commonDir, ['update-ref', ...reason, `refs/heads/${branch}`, baseCommit, none], env);
}

/** Work must never start in anything but a worktree of its own. */
export async function requireRegistered(git: Git, row: WorktreeRow): Promise<void> {
  await access(join(row.path, '.git'));
  const found = await git.read(row.path, ['rev-parse', '--show-toplevel', '--symbolic-full-name', 'HEAD']);
  const end = found.lastIndexOf('\n'); // a path may have newlines, a ref may not
  const [toplevel, head] = [found.slice(0, end), found.slice(end + 1)];
  if (toplevel === row.path && head === `refs/heads/${row.branch ?? ''}`) return;
  throw new Error(`${row.path} became ${toplevel} on ${head} instead of a worktree on ${row.branch ?? 'a branch'}`);
}
