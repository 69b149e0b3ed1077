import type { UnderWay } from '../../../base/under-way.ts';
import type { Registry } from '../../registry/registry.ts';
import type { WorktreeRow } from '../../registry/rows.ts';

/** The ready worktrees that anybody may have, without those that somebody is just taking or looking after. */
export const readyOf = (registry: Registry, underWay: UnderWay, repositoryId: string): WorktreeRow[] =>
  registry.worktrees
    .liveOf(repositoryId)
    .filter(({ id, kind, state }) => kind === 'pool' && state === 'available' && !underWay.has(id))
    .filter(isSetUp);

/** Nobody is lent one that somebody would have to mend first. */
export const isSetUp = ({ setup }: WorktreeRow): boolean => setup === null || setup.state === 'done';

/** Whether the pool gives a worktree out: an anonymous one, or a named one that it lent before. */
export const isOfPool = (registry: Registry, { id, kind }: WorktreeRow): boolean =>
  kind === 'pool' || (kind === 'named' && registry.leases.lastOfWorktree(id) !== undefined);
