import type { Result } from '../contract/index.ts';
import { formatPath, formatPorts, type View } from './format.ts';

/** What somebody wants to know who has just borrowed a worktree. */
export function describeLoan({ worktree, lease, source }: Result<'pool.acquire'>, view: View): string {
  const branch = worktree.branch === null ? 'HEAD detached' : `on ${worktree.branch}`;
  const ports = worktree.ports === null ? '' : `, ports ${formatPorts(worktree.ports)}`;
  return (
    `${worktree.name} (${source}), ${branch}${ports}, in ${formatPath(worktree.path, view)}\n` +
    `give it back with: wtd pool release ${lease.id} ${lease.fence}\n`
  );
}

export function describeReturn({ state, snapshot, reason }: Result<'pool.release'>): string {
  const kept = snapshot === null ? '' : `; what was not committed is kept in snapshot ${snapshot}`;
  if (state !== 'failed') return `the worktree is given back${kept}\n`;
  return `the lease has ended; the worktree stays as it is${reason === null ? '' : `: ${reason}`}\n`;
}
