import type { Conflict } from '../../git/merge-tree.ts';

/** A plan in the order, and what it has to do with the others. */
interface Placed {
  /** Plans that stay behind and cannot be merged together with it, and the files. */
  rivals: readonly string[];
  files: readonly Conflict[];
  /** Plans that conflict with it alone, but not after what is merged before. */
  reconciled: readonly string[];
  dependsOn: readonly string[];
  standsOn: string | undefined;
  /** Plans of the order that wait for it. */
  waiting: readonly string[];
}

/** Why a plan comes home where it does. Pure. */
export function describeStep({ rivals, files, reconciled, dependsOn, standsOn, waiting }: Placed): string {
  const clauses = [
    ...(rivals.length === 0 ? [] : [`conflicts with ${list(rivals)} in ${listFiles(files)}, so ${whoComes(rivals)}`]),
    ...(reconciled.length === 0 ? [] : [`conflicts with ${list(reconciled)}, but not in this order`]),
    ...(dependsOn.length === 0 ? [] : [`after ${list(dependsOn)}, which it depends on`]),
    ...(standsOn === undefined ? [] : [`after ${standsOn}, on whose branch it stands`]),
    ...(waiting.length === 0
      ? []
      : [`before ${list(waiting)}, which ${waiting.length === 1 ? 'waits' : 'wait'} for it`]),
  ];
  if (rivals.length > 0 || reconciled.length > 0) return clauses.join('; ');
  return ['merges cleanly and conflicts with nobody', ...clauses].join('; ');
}

const whoComes = (rivals: readonly string[]): string =>
  rivals.length === 1 ? 'only one of the two can come home as they are' : 'those stay behind as they are';

/** Why a plan stays behind, and what helps. Pure. */
export function describeConflict(
  plan: string,
  { others, base, files }: { others: readonly string[]; base: string | undefined; files: readonly Conflict[] },
): string {
  const where = `in ${listFiles(files)}`;
  if (base !== undefined) return `conflicts with ${base} itself ${where}; see \`wtd rebase ${plan}\``;
  const together = others.length > 1 ? ' together' : '';
  return `conflicts with ${list(others)}${together} ${where}; once they are merged, see \`wtd rebase ${plan}\``;
}

const mostFiles = 3;

function listFiles(files: readonly Conflict[]): string {
  const paths = [...new Set(files.map(({ path }) => path))];
  const more = paths.length - mostFiles;
  if (more <= 0) return list(paths);
  return `${paths.slice(0, mostFiles).join(', ')} and ${more} more`;
}

const list = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
