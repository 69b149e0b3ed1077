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
