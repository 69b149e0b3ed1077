import type { Worktree } from '../../contract/models.ts';
import type { WorktreeFact } from './facts.ts';

/** Everything that is true of a worktree beside its state; `unusedMs`: since when nobody uses it. Pure. */
export function conditionsOf(
  fact: WorktreeFact,
  { unusedMs, staleMs }: { unusedMs: number; staleMs: number },
): Worktree['conditions'] {
  const conditions: Worktree['conditions'] = [];
  if (fact.missing) conditions.push('missing');
  if (fact.merged) conditions.push('merged');
  if (unusedMs > staleMs) conditions.push('stale');
  if (fact.conflicted) conditions.push('conflicted');
  if (fact.dirty === true) conditions.push('dirty');
  return conditions;
}
