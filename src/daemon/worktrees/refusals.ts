import { WtdError } from '../../contract/errors.ts';
import type { WorktreeRow } from '../registry/rows.ts';

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

export const unsafe = (row: WorktreeRow, blockers: { code: string; message: string }[]): WtdError =>
  new WtdError('UNSAFE', `work in ${row.path} would be lost: ${blockers.map(({ message }) => message).join(', ')}`, {
    hint: `commit or stash what is in ${row.path}, end its run, then try again`,
    blockers,
  });
