import type { Result } from '../contract/index.ts';
import { formatValue } from './format.ts';

/** What became of a worktree, and of what was in it. */
export function describeRemoval(removed: Result<'worktree.remove'>): string {
  const { blockers, snapshot, warnings } = removed;
  const reasons = blockers.map(({ message }) => `  ${formatValue(message)}\n`).join('');
  if (!removed.removed) {
    return blockers.length === 0
      ? 'nothing is in the way of removing it\n'
      : `this is in the way of removing it:\n${reasons}`;
  }
  const lines = [
    removed.branchDeleted ? 'the worktree is removed, and its branch deleted' : 'the worktree is removed',
    ...(blockers.length === 0 ? [] : [`although there was:\n${reasons.trimEnd()}`]),
    ...(snapshot === null ? [] : [`everything is kept in the snapshot ${snapshot.id}`]),
    ...(removed.directoryClean ? [] : ['something of it is left; see `wtd doctor`']),
    ...warnings.map((warning) => `warning: ${formatValue(warning)}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** One line a check. */
export function formatHealth({ healthy, checks }: Result<'worktree.health'>): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const word = (ok: boolean | null): string => (ok === null ? 'unknown' : ok ? 'ok     ' : 'WRONG  ');
  const lines = checks.map(({ name, ok, detail }) => `${word(ok)}  ${name.padEnd(width)}  ${formatValue(detail)}`);
  return `${[...lines, healthy ? 'it is as it should be' : 'it is not as it should be'].join('\n')}\n`;
}
