import { WtdError } from '../../../contract/errors.ts';
import type { LeaseRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';

/** The sentences of what the pool refuses. */
export const poolFull = ({ name }: RepositoryRow, { current, max }: { current: number; max: number }): WtdError =>
  new WtdError('LIMIT_REACHED', `${current} of ${max} worktrees of ${name} are lent`, {
    hint: 'wait with --wait, or give one back with `wtd pool release <lease> <fence>`',
    limit: 'parallel_worktrees',
    current,
    max,
    suggestions: ['wait for one with --wait', 'raise worktrees.parallel_worktrees and run `wtd daemon reload`'],
  });

export const lent = ({ name }: WorktreeRow, { holder }: LeaseRow): WtdError =>
  new WtdError('BUSY', `the worktree ${name} is lent to ${holder}`, {
    hint: 'wait for it with --wait, or take another name',
    holder,
  });

/** Made or wanted by somebody who does not go through the pool. */
export const notOfPool = ({ name, path, kind }: WorktreeRow): WtdError =>
  kind === 'named'
    ? new WtdError('BUSY', `the worktree ${name} is in use without the pool`, {
        hint: 'take another name',
        holder: path,
      })
    : new WtdError('ALREADY_EXISTS', `${name} is the name of a worktree of another kind (${kind})`, {
        hint: 'take another name',
        kind: 'worktree',
        name,
      });

export const keptFailed = ({ name, path }: WorktreeRow): WtdError =>
  new WtdError('INVALID_STATE', `the worktree ${name} was kept as it is, because it failed`, {
    hint: `look into ${path}, then remove it`,
    state: 'failed',
    allowed: ['available'],
  });

export const notSetUp = ({ path, setup }: WorktreeRow): WtdError =>
  new WtdError('INVALID_STATE', `a ready worktree could not be set up: ${setup?.detail ?? 'it was interrupted'}`, {
    hint: `look into ${setup?.logPath ?? path}; once it is mended, \`wtd pool drain\` takes what is there away`,
    state: 'failed',
    allowed: ['done'],
  });

export const onlyNamed = (): WtdError =>
  new WtdError('INVALID_STATE', 'this repository lends only worktrees with a name', {
    hint: 'name one with --name',
    state: 'dedicated',
    allowed: ['on_demand', 'pooled', 'reuse'],
  });

export const unknownLease = (id: string): WtdError =>
  new WtdError('NOT_FOUND', `there is no lease ${id}`, {
    hint: 'see who holds which with `wtd worktree list --json`',
    kind: 'lease',
    name: id,
  });

export const alreadyReleased = ({ id }: LeaseRow): WtdError =>
  new WtdError('INVALID_STATE', `the lease ${id} has already been released`, {
    hint: 'acquire another one with `wtd pool acquire`',
    state: 'released',
    allowed: ['live'],
  });

export const wrongFence = ({ id, fence }: LeaseRow, given: number): WtdError =>
  new WtdError('INVALID_STATE', `the lease ${id} has the fence ${fence}, not ${given}`, {
    hint: 'give both numbers that acquire answered',
    state: 'live',
    allowed: [`fence ${fence}`],
  });
