import { unreachable } from '../../base/unreachable.ts';
import type { Difference } from './compare.ts';

const mostCommandCharacters = 120;

/** What differs: a path, a branch, the id of a run, or a pid. Pure. */
export function subjectOf(difference: Difference): string {
  switch (difference.kind) {
    case 'worktree_without_row':
    case 'prunable_entry':
      return difference.listed.path;
    case 'row_without_worktree':
    case 'port_without_owner':
      return difference.row.path;
    case 'orphan_branch':
      return difference.branch;
    case 'run_directory_without_row':
      return difference.run;
    case 'process_without_run':
      return String(difference.process.pid);
    case 'row_without_repository':
      return difference.repository.path;
    case 'interrupted_completion':
      return difference.plan.name;
    default:
      return unreachable(difference);
  }
}

/** The name of the repository it lies in. Pure. */
export const repositoryOf = (difference: Difference): string | null =>
  'repository' in difference ? difference.repository.name : null;

/** Tells one difference from every other. Pure. */
export const keyOf = (difference: Difference): string =>
  [difference.kind, repositoryOf(difference) ?? '', subjectOf(difference)].join('\0');

/** One sentence that says who says what. Pure. */
export function detailOf(difference: Difference): string {
  switch (difference.kind) {
    case 'worktree_without_row':
      return `git has a worktree ${on(difference.listed.branch)} there that wtd does not know`;
    case 'row_without_worktree':
      return difference.isMissing
        ? `wtd has a worktree ${on(difference.row.branch)} there, but the directory is gone`
        : `wtd has a worktree ${on(difference.row.branch)} there, but git does not list it`;
    case 'orphan_branch':
      return 'the branch belongs to no plan and no worktree and has no commits of its own';
    case 'prunable_entry':
      return `git still lists a worktree ${on(difference.listed.branch)} there, but the directory is gone`;
    case 'port_without_owner': {
      const { portStart, portEnd } = difference.row;
      return `the worktree holds the ports ${portStart ?? '?'}-${portEnd ?? '?'}, but no plan has it`;
    }
    case 'run_directory_without_row':
      return 'there is a directory of this run, but wtd does not know the run';
    case 'process_without_run': {
      const { run, command } = difference.process;
      return `\`${shorten(command.join(' '))}\` was started by run ${run}, ${difference.isKnown ? 'which is over' : 'which wtd does not know'}`;
    }
    case 'row_without_repository':
      return `the repository is gone, but wtd has ${difference.plans} plans and ${difference.worktrees} worktrees of it`;
    case 'interrupted_completion':
      return `merging it into ${difference.intent.into} was interrupted, and it cannot be told yet whether ${difference.intent.into} was moved`;
    default:
      return unreachable(difference);
  }
}

/** What a completion that a daemon died in came to. Pure. */
export const describeInterruption = ({ into, state }: { into: string; state: 'old' | 'new' }): string =>
  state === 'new'
    ? `merging it into ${into} was interrupted; ${into} has it, and the rest was done afterwards`
    : `merging it into ${into} was interrupted; ${into} is where it was, and everything else as it was before`;

const on = (branch: string | null): string => (branch === null ? 'without a branch' : `of ${branch}`);

const shorten = (text: string): string =>
  text.length > mostCommandCharacters ? `${text.slice(0, mostCommandCharacters - 1)}…` : text;

/** A command as somebody could type it into a shell. Pure. */
export const typed = (...words: string[]): string => `\`${words.map(quote).join(' ')}\``;

/** The same for git in a repository. Pure. */
export const typedGit = ({ path }: { path: string }, ...words: string[]): string =>
  `\`git -C ${[path, ...words].map(quote).join(' ')}\``;

const quote = (word: string): string => (/^[\w@%+=:,./<>-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
