import type { ConflictPair } from '../../../contract/conflict.ts';
import type { Change } from '../../git/changed-files.ts';
import type { Merge } from '../../git/merge-tree.ts';

/** What becomes of two branches when they are merged. */
export interface Assessment extends Pick<ConflictPair, 'conflicts' | 'files' | 'shared' | 'severity'> {
  /** The second has all that is in the first. */
  isContained: boolean;
}

export interface Trial {
  commits: readonly [ours: string, theirs: string];
  merge: Merge;
  /** Of the second commit. */
  tree: string;
  /** What each changed since they parted; null: they have nothing in common. */
  changes: readonly [ours: readonly Change[], theirs: readonly Change[]] | null;
}

const worst: readonly string[] = ['modifyDelete', 'rename', 'binary'];

/** Says of a merge that was tried what people need to know of it. Pure. */
export function assess({ commits, merge, tree, changes }: Trial): Assessment {
  // Git refuses to merge what is unrelated, whatever is in it.
  const conflicts = !merge.isClean || changes === null;
  const kinds = new Map<string, Assessment['files'][number]['kind']>();
  for (const { path, kind } of merge.conflicts) {
    const name = plainName(path, commits);
    if (!kinds.has(name)) kinds.set(name, changes === null ? 'unrelated' : kind);
  }
  const files = [...kinds].map(([path, kind]) => ({ path, kind }));
  const shared = changes === null ? [] : sharedFiles(...changes).filter((path) => !kinds.has(path));
  const isContained = !conflicts && merge.tree === tree;
  return { conflicts, files, shared, severity: severityOf({ conflicts, files, shared }), isContained };
}

function severityOf({
  conflicts,
  files,
  shared,
}: Pick<Assessment, 'conflicts' | 'files' | 'shared'>): Assessment['severity'] {
  if (conflicts) return files.some(({ kind }) => worst.includes(kind)) ? 'high' : 'medium';
  return shared.length > 0 ? 'low' : null;
}

/** Git calls a file that cannot stay in its place `file~<commit>`; people know it by its own name. */
function plainName(path: string, commits: readonly string[]): string {
  const [, name, suffix = ''] = /^(.+)~([^~]+)$/s.exec(path) ?? [];
  return name !== undefined && commits.includes(suffix.replace(/_\d+$/, '')) ? name : path;
}

/** Files that both sides changed, deleted or made, by the name that the merge gives them. */
function sharedFiles(ours: readonly Change[], theirs: readonly Change[]): string[] {
  const before = new Map(ours.flatMap((change) => (change.from === null ? [] : [[change.from, change]])));
  const after = new Set(ours.map(({ to }) => to));
  const shared = theirs.flatMap(({ from, to }) => {
    const other = from === null ? undefined : before.get(from);
    if (from !== null && other !== undefined) return [finalName(from, [other.to, to])];
    return to !== null && after.has(to) ? [to] : [];
  });
  return [...new Set(shared)].map((name) => Buffer.from(name, 'latin1').toString()).sort();
}

/** Who renamed it decides; of two new names that are not the same both are in conflict. */
const finalName = (from: string, names: readonly (string | null)[]): string =>
  names.find((name) => name !== null && name !== from) ?? from;
