import { WtdError } from '../../contract/errors.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Blocker } from './safety.ts';

/** The sentences of what worktrees refuse. */
export const pathTaken = (path: string): WtdError =>
  new WtdError('ALREADY_EXISTS', `${path} is already there and is not wtd's`, {
    hint: 'move it away, or choose another name',
    kind: 'path',
    name: path,
  });

export const branchTaken = (branch: string, path: string): WtdError =>
  new WtdError('BUSY', `the branch ${branch} is checked out in ${path}`, {
    hint: `switch ${path} to another branch, or remove it with \`git worktree remove\``,
    holder: path,
  });

export const taken = ({ path }: WorktreeRow, holder: string): WtdError =>
  new WtdError('BUSY', `${path} was just taken by ${holder}`, { hint: 'try again once it is free', holder });

export const unsafe = (row: WorktreeRow, blockers: Blocker[], hint: string): WtdError =>
  new WtdError('UNSAFE', `work in ${row.path} would be lost: ${blockers.map(({ message }) => message).join(', ')}`, {
    hint,
    blockers,
  });

/** Such as a mount point without its disk: git would look at the repository around it instead. */
export const unlinked = (path: string): Blocker => ({
  code: 'unverified',
  message: `${path} is there, but without the .git that makes it a worktree`,
});

export const saveFirst = ({ path }: WorktreeRow): string =>
  `commit or stash what is in ${path}, end its run, then try again`;

/** How people reach what git's entry keeps of a worktree whose directory is gone. */
export const bringBack = (path: string): string =>
  `put ${path} back, or make that directory and run \`git worktree repair\` in the repository, and commit or unstage what is there`;

export const notOurs = ({ path }: RepositoryRow, blocker: Blocker): WtdError =>
  new WtdError('UNSAFE', blocker.message, {
    hint: `see \`git -C ${path} worktree list --verbose\``,
    blockers: [blocker],
  });
