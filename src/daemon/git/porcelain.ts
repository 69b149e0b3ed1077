/** One entry of `git worktree list --porcelain -z` (git-worktree(1), PORCELAIN FORMAT). */
export interface ListedWorktree {
  path: string;
  head: string | null;
  /** Short name; null when HEAD is detached or the repository is bare. */
  branch: string | null;
  locked: boolean;
  /** Why it is locked, empty when nobody said; null when it is not. */
  lockReason: string | null;
  prunable: boolean;
}

export function parseWorktreeList(output: string): ListedWorktree[] {
  return output
    .split('\0\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const fields = new Map(
        entry.split('\0').map((line) => {
          const space = line.indexOf(' ');
          return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
        }),
      );
      return {
        path: fields.get('worktree') ?? '',
        head: fields.get('HEAD') ?? null,
        branch: fields.get('branch')?.replace(/^refs\/heads\//, '') ?? null,
        locked: fields.has('locked'),
        lockReason: fields.get('locked') ?? null,
        prunable: fields.has('prunable'),
      };
    });
}

export interface TreeStatus {
  changed: number;
  untracked: number;
  conflicted: number;
}

/** Counts the entries of `git status --porcelain=v2 -z` (git-status(1)). */
export function parseStatus(output: string): TreeStatus {
  const status: TreeStatus = { changed: 0, untracked: 0, conflicted: 0 };
  const records = output.split('\0');
  for (let index = 0; index < records.length; index += 1) {
    switch (records[index]?.[0]) {
      case '1':
        status.changed += 1;
        break;
      case '2':
        status.changed += 1;
        index += 1; // a rename is followed by its old path
        break;
      case 'u':
        status.conflicted += 1;
        break;
      case '?':
        status.untracked += 1;
        break;
      default:
        break;
    }
  }
  return status;
}

/** `ahead<TAB>behind` of `git rev-list --left-right --count tip...base`. */
export function parseAheadBehind(output: string): { ahead: number; behind: number } {
  const [ahead, behind] = output.trim().split(/\s+/).map(Number);
  return { ahead: ahead ?? 0, behind: behind ?? 0 };
}

/** One side of a conflict in the index: 1 the base, 2 ours, 3 theirs. */
export interface ConflictSide {
  stage: 1 | 2 | 3;
  mode: string;
  id: string;
}

/** A path that `git status --porcelain=v2 -z --no-renames` tells of. */
export interface StatusEntry {
  path: string;
  /** Index and tree, each a letter or `.`; untracked: `??`. */
  code: string;
  /** `N...`, or `S` and a letter for each way in which a submodule changed. */
  submodule: string;
  sides: ConflictSide[];
}

/** Names are bytes, so the output is to be read as Latin-1. */
export const parseStatusEntries = (output: string): StatusEntry[] => splitZero(output).flatMap(parseStatusEntry);

function parseStatusEntry(record: string): StatusEntry[] {
  const words = record.split(' ');
  const [kind, code = '', submodule = ''] = words;
  const named = (before: number) => words.slice(before).join(' ');
  switch (kind) {
    case '?':
      return [{ path: named(1), code: '??', submodule: 'N...', sides: [] }];
    case '1':
      return [{ path: named(8), code, submodule, sides: [] }];
    case 'u': {
      const sides = ([1, 2, 3] as const).map((stage) => ({
        stage,
        mode: words[2 + stage] ?? '',
        id: words[6 + stage] ?? '',
      }));
      return [{ path: named(10), code, submodule, sides: sides.filter(({ mode }) => mode !== '000000') }];
    }
    default:
      return [];
  }
}

/** An entry of `git ls-files -z -v --stage`. */
export interface IndexEntry {
  path: string;
  mode: string;
  id: string;
  /** `H` as usual, `S` skip-worktree, `M` unmerged; in lower case: assumed unchanged. */
  tag: string;
}

export const parseIndexEntries = (output: string): IndexEntry[] =>
  splitZero(output).map((record) => {
    const tab = record.indexOf('\t');
    const [tag = '', mode = '', id = ''] = record.slice(0, tab).split(' ');
    return { path: record.slice(tab + 1), mode, id, tag };
  });

/** A file of `git ls-tree -r -z`. */
export interface TreeEntry {
  path: string;
  mode: string;
  id: string;
}

export const parseTreeEntries = (output: string): TreeEntry[] =>
  splitZero(output).map((record) => {
    const tab = record.indexOf('\t');
    const [mode = '', , id = ''] = record.slice(0, tab).split(' ');
    return { path: record.slice(tab + 1), mode, id };
  });

export const splitZero = (output: string): string[] => output.split('\0').filter((record) => record !== '');
