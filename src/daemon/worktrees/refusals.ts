import { WtdError } from '../../contract/errors.ts';
import type { LeaseRow, RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Blocker } from './safety.ts';

/** The sentences of what worktrees refuse. */
export const pathTaken = (path: string): WtdError =>
  new WtdError('ALREADY_EXISTS', `${path} is already there and is not wtd's`, {
    hint: 'move it away, or choose another name',
    kind: 'path',
    name: path,
  });

export const noDirectory = (directory: string, path: string): WtdError =>
  new WtdError('ALREADY_EXISTS', `${path} is no directory, so no worktree can be made in ${directory}`, {
    hint: 'move it away, or set worktrees.directory to another one',
    kind: 'path',
    name: path,
  });

export const branchTaken = (branch: string, path: string): WtdError =>
  new WtdError('BUSY', `the branch ${branch} is checked out in ${path}`, {
    hint: `switch ${path} to another branch, or remove it with \`git worktree remove\``,
    holder: path,
  });

export const invalidBranch = (branch: string): WtdError =>
  new WtdError('INVALID_PARAMS', `branches: git allows no branch called ${JSON.stringify(branch)}`, {
    hint: 'see what a branch may be called with `git help check-ref-format`',
    issues: [{ path: 'branches', message: 'must be a name that git allows for a branch' }],
  });

export const branchExists = (branch: string): WtdError =>
  new WtdError('ALREADY_EXISTS', `there is a branch ${branch} already`, {
    hint: 'attach it with `--existing attach`, or choose another name',
    kind: 'branch',
    name: branch,
  });

export const givenTwice = (branch: string): WtdError =>
  new WtdError('ALREADY_EXISTS', `${branch} was named twice`, {
    hint: 'name each branch once',
    kind: 'branch',
    name: branch,
  });

export const noWorktreeThere = (path: string): WtdError =>
  new WtdError('NOT_FOUND', `git knows no worktree at ${path}`, {
    hint: 'see `git worktree list` in its repository',
    kind: 'worktree',
    name: path,
  });

export const alreadyOurs = ({ path, name }: WorktreeRow): WtdError =>
  new WtdError('ALREADY_EXISTS', `${path} is wtd's already`, {
    hint: `see \`wtd worktree show ${path}\``,
    kind: 'worktree',
    name,
  });

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
  `commit or stash what is in ${path}, end its run, then try again; \`wtd worktree remove ${path} --force\` removes it nevertheless and keeps a snapshot`;

/** Where no snapshot can be made. */
export const seeToIt = 'see to each of these by hand, then try again; force does not help here';

/** How people reach what git's entry keeps of a worktree whose directory is gone, or has lost its `.git`. */
export const bringBack = (path: string, isFinal: boolean): string => {
  const byHand = `put ${path} back, or make that directory and run \`git worktree repair\` in the repository, and commit or unstage what is there`;
  const byForce = `\`wtd worktree remove ${path} --force\` removes it nevertheless and keeps a snapshot of what git has of it`;
  return isFinal ? byHand : `${byHand}; ${byForce}`;
};

export const notOurs = ({ path }: RepositoryRow, blockers: Blocker[]): WtdError =>
  new WtdError('UNSAFE', blockers.map(({ message }) => message).join(', '), {
    hint: `see \`git -C ${path} worktree list --verbose\``,
    blockers,
  });

export const leased = ({ path }: WorktreeRow, { id, holder }: LeaseRow): WtdError =>
  new WtdError('BUSY', `${holder} holds a lease of ${path}`, {
    hint: 'let its holder release it first',
    holder,
    lease: id,
  });

export const inTransition = ({ path, state }: WorktreeRow): WtdError =>
  new WtdError('INVALID_STATE', `${path} is just being made or taken away`, {
    hint: 'see `wtd worktree list` in a moment',
    state,
    allowed: ['available', 'in_use', 'failed'],
  });

export const stillWorkedIn = ({ path }: WorktreeRow): WtdError =>
  new WtdError('BUSY', `somebody goes on working in ${path}, so no snapshot has everything`, {
    hint: `end what works there (see \`lsof +D ${path}\`), then try again`,
    holder: path,
  });
