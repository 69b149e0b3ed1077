import { lstat } from 'node:fs/promises';
import { fullPath } from '../../git/byte-paths.ts';
import type { Git } from '../../git/git.ts';
import { splitZero } from '../../git/porcelain.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import { isUnlinked } from '../../worktrees/entry.ts';
import { examine } from '../../worktrees/examine.ts';
import { unlinked } from '../../worktrees/refusals.ts';
import { findBlockers, type Blocker } from '../../worktrees/safety.ts';

interface About {
  repository: RepositoryRow;
  plan: PlanRow;
  row: WorktreeRow;
  activeRun: string | null;
  /** The last commit of the branch, and what it is to stand on. */
  tip: string;
  onto: string;
}

const mostNamed = 5;

/** Everything that keeps a worktree from being rebased, all at once. */
export async function findRebaseBlockers(git: Git, about: About): Promise<Blocker[]> {
  const { repository, row, activeRun } = about;
  if (await isUnlinked(row.path)) return [unlinked(row.path)];
  const findings = await examine(git, repository, row.path);
  // Untracked files stay where they are; commits of a detached HEAD are told below.
  const inTree = findBlockers({ ...findings, activeRun }).filter(
    ({ code }) => code !== 'untracked' && code !== 'detached',
  );
  const isBusy = findings.operation !== null;
  return [...inTree, ...(isBusy ? [] : await findElsewhere(git, about)), ...(await findOverwritten(git, about))];
}

async function findElsewhere(git: Git, { plan, row }: About): Promise<Blocker[]> {
  const { stdout } = await git.ask(row.path, ['symbolic-ref', '--quiet', 'HEAD']);
  if (stdout === `refs/heads/${plan.branch}`) return [];
  const place = stdout === '' ? 'on no branch' : `on ${stdout.replace(/^refs\/heads\//, '')}`;
  return [{ code: 'detached', message: `${row.path} is ${place} instead of ${plan.branch}` }];
}

/** Files that git does not track here, ignored ones as well, where the new base has one of its own. */
async function findOverwritten(git: Git, { row, tip, onto }: About): Promise<Blocker[]> {
  const args = ['diff', '--no-renames', '--name-only', '--diff-filter=A', '-z', tip, onto, '--'];
  const added = splitZero(await git.bytes(row.path, args, { env: { GIT_OPTIONAL_LOCKS: '0' } }));
  const isThere = await Promise.all(
    added.map((path) =>
      lstat(fullPath(row.path, path)).then(
        (entry) => !entry.isDirectory(),
        () => false,
      ),
    ),
  );
  const names = added.filter((_, at) => isThere[at]).map((path) => Buffer.from(path, 'latin1').toString());
  if (names.length === 0) return [];
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
  const message = `files that git does not track would be overwritten: ${names.slice(0, mostNamed).join(', ')}${more}`;
  return [{ code: 'untracked', message }];
}
