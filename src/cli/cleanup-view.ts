import type { Result } from '../contract/index.ts';
import type { SweepEntry } from '../contract/cleanup.ts';
import { formatTable, sweepColumns } from './columns.ts';
import { formatMegabytes, type View } from './format.ts';

/** What a sweep would do, and how to let it. */
export async function formatSweepPlan({ remove, keep, freeMb }: Result<'cleanup.plan'>, view: View): Promise<string> {
  const parts = [await section('would remove', remove, view), await section('would keep', keep, view)];
  const space = freeMb > 0 ? ` and free ${formatMegabytes(freeMb)}` : '';
  const next =
    remove.length === 0
      ? 'nothing to remove\n'
      : `this was a dry run; remove ${count(remove.length)}${space} with: wtd cleanup --execute\n`;
  return [...parts.filter((text) => text !== ''), next].join('\n');
}

/** What a sweep did. */
export async function formatSweep({ removed, skipped, errors }: Result<'cleanup.run'>, view: View): Promise<string> {
  const parts = [
    await section('removed', removed, view),
    await section('kept', skipped, view),
    await section('could not be removed', errors, view),
  ];
  const summary = `${count(removed.length)} removed, ${skipped.length} kept, ${errors.length} failed\n`;
  return [...parts.filter((text) => text !== ''), summary].join('\n');
}

async function section(title: string, entries: readonly SweepEntry[], view: View): Promise<string> {
  return entries.length === 0 ? '' : `${title}\n${await formatTable(sweepColumns, entries, view)}`;
}

const count = (number: number): string => `${number} ${number === 1 ? 'worktree' : 'worktrees'}`;
