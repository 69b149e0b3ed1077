import type { ConflictPair } from '../contract/conflict.ts';
import type { Result } from '../contract/index.ts';
import { conflictColumns, formatTable } from './columns.ts';
import type { View } from './format.ts';

type Matrix = Result<'conflict.matrix'>;

/** Who meets whom in which files, and what to do about it; those that have nothing in common are only counted. */
export async function formatConflicts(matrix: Matrix, view: View): Promise<string> {
  const { plans, pairs, withBase } = matrix;
  if (plans.length === 0) return 'no plan has work that has yet to come home\n';
  const parts = [
    await section('with each other', pairs, view),
    await section('with their base', withBase, view),
    `${describeApart(matrix)}${describeUnread(matrix)}${nextStep(matrix)}`,
  ];
  return parts.filter((text) => text !== '').join('\n');
}

const ranks: readonly ConflictPair['severity'][] = ['high', 'medium', 'low'];

async function section(title: string, pairs: readonly ConflictPair[], view: View): Promise<string> {
  const shown = ranks.flatMap((rank) => pairs.filter(({ severity }) => severity === rank));
  return shown.length === 0 ? '' : `${title}\n${await formatTable(conflictColumns, shown, view)}`;
}

function describeApart({ plans, pairs }: Matrix): string {
  const colliding = pairs.filter(({ conflicts }) => conflicts).length;
  const apart = pairs.filter(({ severity }) => severity === null).length;
  const many = plans.length === 1 ? '1 plan' : `${plans.length} plans`;
  const couples = pairs.length === 1 ? '1 pair' : `${pairs.length} pairs`;
  return `${many} with work, ${couples}: ${colliding} in conflict, ${apart} with no file in common\n`;
}

function describeUnread({ plans }: Matrix): string {
  const unread = plans.filter(({ uncommitted }) => uncommitted === null).map(({ name }) => name);
  return unread.length === 0 ? '' : `what is not committed could not be read of: ${unread.join(', ')}\n`;
}

function nextStep({ plans, pairs, withBase }: Matrix): string {
  const behind = withBase.find(({ conflicts }) => conflicts);
  const plan = plans.find(({ branch }) => branch === behind?.a)?.name;
  if (plan !== undefined)
    return `bring it onto its base, which has moved, with: wtd rebase ${plan} --on-conflict keep\n`;
  if (pairs.some(({ conflicts }) => conflicts))
    return 'see which order brings the most of them home with: wtd merge-order\n';
  return 'no two of them collide; bring them home with: wtd complete --all\n';
}
