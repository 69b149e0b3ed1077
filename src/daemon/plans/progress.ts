import type { Counts, Progress } from '../../contract/models.ts';
import type { PlanFile, Task } from './plan-file.ts';

/** How far a plan is by the checkboxes of its file; null when it has no tasks. Pure. */
export function progressOf({ phases, loose }: PlanFile): Progress | null {
  const total = count([...loose, ...phases.flatMap(({ tasks }) => tasks)]);
  if (total.total === 0) return null;
  const current = phases.find(({ tasks }) => tasks.some(({ done }) => !done));
  return {
    ...total,
    currentPhase: current?.title ?? null,
    phases: phases.map(({ number, title, tasks }) => ({ ...count(tasks), number, title })),
  };
}

function count(tasks: readonly Task[]): Counts {
  const completed = tasks.filter(({ done }) => done).length;
  const percent = tasks.length === 0 ? 0 : Math.round((completed / tasks.length) * 1000) / 10;
  return { total: tasks.length, completed, inProgress: 0, failed: 0, skipped: 0, percent };
}
