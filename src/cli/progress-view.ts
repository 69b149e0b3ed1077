import type { Result } from '../contract/index.ts';
import type { Plan } from '../contract/models.ts';
import { formatTable, taskColumns } from './columns.ts';
import { formatBar, formatCounts, paint, plain, type View } from './format.ts';

type Counted = Pick<NonNullable<Plan['progress']>, 'total' | 'completed' | 'inProgress' | 'failed' | 'skipped'> & {
  percent: number | null;
};

/** `[###-------] 3/10 30%, 1 in progress, 2 failed`. */
export function describeCounts(counted: Counted): string {
  const more = [
    [counted.inProgress, 'in progress'],
    [counted.failed, 'failed'],
    [counted.skipped, 'skipped'],
  ] as const;
  const shown = more.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
  return `${formatBar(counted.percent)} ${formatCounts(counted)}${shown.join('')}`;
}

/** What somebody wants to know who has just reported. */
export function describeProgress({ name, progress }: Plan): string {
  if (progress === null) return `${name} has no tasks\n`;
  const phase = progress.currentPhase === null ? '' : `, now: ${plain(progress.currentPhase)}`;
  return `${name} ${describeCounts(progress)}${phase}\n`;
}

export async function formatTasks({ tasks, warnings }: Result<'plan.tasks'>, view: View): Promise<string> {
  const told = warnings.map((text) => `${paint('warning', 'warning', view)}: ${plain(text)}\n`).join('');
  return `${tasks.length === 0 ? 'no tasks\n' : await formatTable(taskColumns, tasks, view)}${told}`;
}
