import type { Git } from './git.ts';

/** A file that differs between two trees. Names are bytes, each a character. */
export interface Change {
  /** Its name before; null: it is new. */
  from: string | null;
  /** Its name now; null: it is gone. */
  to: string | null;
}

/** As for merges, whose renames these are to be. */
const rename = ['-M', '-l7000'];

/** What changed from the first tree of each pair to the second, renames found; in the order of the pairs. */
export async function changedFiles(
  git: Git,
  commonDir: string,
  { pairs, env }: { pairs: readonly (readonly [before: string, after: string])[]; env: Record<string, string> },
): Promise<Change[][]> {
  if (pairs.length === 0) return [];
  const input = pairs.map(([before, after]) => `${before} ${after}\n`).join('');
  const args = ['diff-tree', '--stdin', '-r', '-z', '--name-status', '--ignore-submodules=none', ...rename];
  const changes = parseChanges(await git.bytes(commonDir, args, { input, env }));
  if (changes.length !== pairs.length) throw new Error(`git compared ${changes.length} of ${pairs.length} pairs`);
  return changes;
}

/** Reads what `git diff-tree --stdin -z --name-status` says: a line with two trees, then their differences. Pure. */
export function parseChanges(output: string): Change[][] {
  const all: Change[][] = [];
  let at = 0;
  const upTo = (end: string): string => {
    const stop = output.indexOf(end, at);
    const text = output.slice(at, stop < 0 ? output.length : stop);
    at += text.length + 1;
    return text;
  };
  while (at < output.length) {
    // Trees are in lower case, and how a file differs is in upper case.
    if (/[0-9a-f]/.test(output[at] ?? '')) {
      upTo('\n');
      all.push([]);
    } else {
      const status = upTo('\0');
      const name = upTo('\0');
      all.at(-1)?.push(readChange(status, name, () => upTo('\0')));
    }
  }
  return all;
}

function readChange(status: string, name: string, next: () => string): Change {
  switch (status[0]) {
    case 'A':
      return { from: null, to: name };
    case 'D':
      return { from: name, to: null };
    case 'R':
      return { from: name, to: next() };
    default:
      return { from: name, to: name };
  }
}
