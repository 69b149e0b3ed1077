import type { Plan } from '../../contract/models.ts';
import type { RunRow } from '../registry/rows.ts';
import { isActive } from '../runs/machine.ts';

/** A plan's state is derived: an active run says it; else that it was merged; else how the last run ended. Pure. */
export function planState(latest: RunRow | undefined, isMerged: boolean): Plan['state'] {
  if (latest && isActive(latest.state)) return latest.state;
  if (isMerged) return 'completed';
  return latest?.state ?? 'idle';
}
