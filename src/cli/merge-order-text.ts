import type { MergeStep, Unmergeable } from '../contract/conflict.ts';
import type { Result } from '../contract/index.ts';
import { formatTable, type Column } from './columns.ts';
import { formatValue, type View } from './format.ts';

const stepColumns: readonly Column<MergeStep>[] = [
  ['#', ({ position }) => String(position)],
  ['PLAN', ({ plan }) => plan],
  ['INTO', ({ into }) => formatValue(into)],
  ['WHY', ({ reason }) => formatValue(reason)],
];

const stayingColumns: readonly Column<Unmergeable>[] = [
  ['STAYS', ({ plan }) => plan],
  ['INTO', ({ into }) => formatValue(into)],
  ['WHY', ({ reason }) => formatValue(reason)],
];

/** In which order plans come home, which cannot and why, and how to begin. */
export async function formatMergeOrder(
  { steps, unmergeable, verified, exact }: Result<'conflict.order'>,
  view: View,
): Promise<string> {
  const [first] = steps;
  if (!first) return `${await formatStaying(unmergeable, view)}nothing can be merged as it is\n`;
  const count = steps.length === 1 ? 'one plan' : `${steps.length} plans`;
  const lines = [
    verified ? `merging ${count} like this was tried and works` : `merging ${count} like this could not be tried`,
    ...(exact ? [] : ['not every order was tried; another may bring more home']),
    `begin with: wtd complete ${first.plan}, or all of them with: wtd complete --all`,
  ];
  const table = await formatTable(stepColumns, steps, view);
  return `${table}\n${await formatStaying(unmergeable, view)}${lines.join('\n')}\n`;
}

const formatStaying = async (unmergeable: readonly Unmergeable[], view: View): Promise<string> =>
  unmergeable.length === 0 ? '' : `${await formatTable(stayingColumns, unmergeable, view)}\n`;
