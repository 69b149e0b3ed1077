import type { Counts, Progress } from '../../../contract/models.ts';
import { allOf, isDone, type JudgedTask, type JudgedTasks } from './tasks.ts';

/** How far a plan is; null when it has no tasks. Pure. */
export function progressOf(tasks: JudgedTasks): Progress | null {
  const total = count(allOf(tasks));
  if (total.total === 0) return null;
  const current = tasks.phases.find((phase) => !phase.tasks.every(isDone));
  return {
    ...total,
    currentPhase: current?.title ?? null,
    phases: tasks.phases.map((phase) => ({ ...count(phase.tasks), number: phase.number, title: phase.title })),
  };
}

function count(tasks: readonly JudgedTask[]): Counts {
  const of = (status: JudgedTask['status']) => tasks.filter((task) => task.status === status).length;
  const counts = { total: tasks.length, completed: of('completed'), skipped: of('skipped') };
  return { ...counts, inProgress: of('in_progress'), failed: of('failed'), percent: percentOf(counts) ?? 0 };
}

/**
 * Of those that are not skipped, to a tenth, so that a plan whose other tasks are completed is at 100; null when there
 * are none at all. Pure.
 */
export function percentOf({
  total,
  completed,
  skipped,
}: Pick<Counts, 'total' | 'completed' | 'skipped'>): number | null {
  if (total === 0) return null;
  const wanted = total - skipped;
  return wanted === 0 ? 100 : Math.round((completed / wanted) * 1000) / 10;
}
