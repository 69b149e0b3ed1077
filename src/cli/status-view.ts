import type { Picture } from '../contract/status.ts';
import { formatTable, planColumns, repositoryColumn, type Column } from './columns.ts';
import { describeCounts } from './progress-view.ts';
import { formatMegabytes, paint, plain, type View } from './format.ts';

type ShownPlan = Picture['plans'][number];

/** The picture for people: a row a plan, a summary, and what they should look at. */
export async function formatStatus(picture: Picture, view: View): Promise<string> {
  const plans = inOrder(picture.plans);
  const shown = plans.length > 0 ? await formatPlans(plans, view) : `${noPlans}\n`;
  const warnings = picture.warnings.map((text) => `${paint('warning', 'warning', view)}: ${plain(text)}\n`);
  const { tasks, percent } = picture.aggregate;
  const total = tasks.total === 0 ? '' : `${describeCounts({ ...tasks, percent })} of all tasks\n`;
  return `${shown}\n${summarize(picture)}\n${total}${warnings.join('')}`;
}

/** What a narrow terminal does without, in this order. */
const leastNeeded = ['WORKTREE', 'BRANCH', 'MEM', 'CPU', 'PORTS', 'SINCE', 'PHASE'];

async function formatPlans(plans: readonly ShownPlan[], view: View): Promise<string> {
  let columns = statusColumns(plans);
  let text = await formatTable(columns, plans, view);
  for (const least of leastNeeded) {
    if (widthOf(text) <= (view.width ?? Infinity)) break;
    columns = columns.filter(([title]) => title !== least);
    text = await formatTable(columns, plans, view);
  }
  return text;
}

const colourCodes = new RegExp(String.raw`\u001b\[\d+m`, 'g');

const widthOf = (text: string): number =>
  Math.max(
    ...text
      .replaceAll(colourCodes, '')
      .split('\n')
      .map(({ length }) => length),
  );

const activeFirst = ['running', 'starting', 'stopping', 'paused', 'queued'];

/** What is going on comes first, the queue in its order; the rest as it was given. */
export function inOrder(plans: readonly ShownPlan[]): ShownPlan[] {
  const rank = ({ state }: ShownPlan) => (activeFirst.includes(state) ? activeFirst.indexOf(state) : Infinity);
  const position = ({ state, run }: ShownPlan) => (state === 'queued' ? (run?.queuePosition ?? Infinity) : 0);
  return [...plans].sort((a, b) => compare(rank(a), rank(b)) || compare(position(a), position(b)));
}

/** Also of what is infinite, which cannot be subtracted. */
const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);

const noPlans = 'no plans here; start one with: wtd start <plan> -- <command>';

/** The repository is told only where there are several, the phase where there is one. */
export function statusColumns(plans: readonly ShownPlan[]): readonly Column<ShownPlan>[] {
  const isMixed = new Set(plans.map(({ repository }) => repository)).size > 1;
  const hasPhases = plans.some(({ progress }) => typeof progress?.currentPhase === 'string');
  const shown = planColumns.filter(([title]) => hasPhases || title !== 'PHASE');
  return isMixed ? [repositoryColumn, ...shown] : shown;
}

/** `3 plans, 2 running, 1 queued (limit 3), disk 80 GB free`. */
export function summarize({ plans, limits, machine }: Picture): string {
  const { freeMb, state } = machine.disk;
  const disk = freeMb === null ? 'disk unknown' : `disk ${formatMegabytes(freeMb)} free`;
  return [
    `${plans.length} ${plans.length === 1 ? 'plan' : 'plans'}`,
    `${limits.running} running`,
    `${limits.queued} queued (limit ${limits.maxConcurrent})`,
    state === null || state === 'ok' ? disk : `${disk} (${state})`,
  ].join(', ');
}
