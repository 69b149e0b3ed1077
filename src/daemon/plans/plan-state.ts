import type { Plan } from '../../contract/models.ts';
import type { PlanOutcome, RunRow } from '../registry/rows.ts';
import { isActive } from '../runs/machine.ts';

/**
 * A plan's state is derived: an active run says it; else that it was merged or abandoned; else how the last run ended.
 * Pure.
 */
export function planState(
  latest: RunRow | undefined,
  { isMerged, outcome }: { isMerged: boolean; outcome: PlanOutcome | null },
): Plan['state'] {
  if (latest && isActive(latest.state)) return latest.state;
  if (isMerged) return 'completed';
  if (outcome?.kind === 'abandoned') return 'abandoned';
  return latest?.state ?? 'idle';
}
