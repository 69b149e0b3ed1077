import type { Git } from './git.ts';
import type { Conflict, ConflictKind } from './merge-tree.ts';
import { parseStatusEntries, type StatusEntry } from './porcelain.ts';

/** The files with conflicts in a worktree, and of what kind each is. */
export async function listUnmerged(git: Git, path: string): Promise<Conflict[]> {
  const args = ['status', '--porcelain=v2', '-z', '--no-renames', '--untracked-files=no'];
  const output = await git.bytes(path, args, { env: { GIT_OPTIONAL_LOCKS: '0' } });
  const entries = parseStatusEntries(output).filter(({ sides }) => sides.length > 0);
  return Promise.all(
    entries.map(async (entry) => ({
      path: Buffer.from(entry.path, 'latin1').toString(),
      kind: (await isBinary(git, path, entry)) ? 'binary' : kindOf(entry),
    })),
  );
}

/** By what index and tree say of it (git-status(1), "Short Format"). Pure. */
function kindOf({ code, submodule }: StatusEntry): ConflictKind {
  if (submodule.startsWith('S')) return 'submodule';
  switch (code) {
    case 'UU':
      return 'content';
    case 'AA':
      return 'addAdd';
    case 'UD':
    case 'DU':
      return 'modifyDelete';
    case 'AU':
    case 'UA':
    case 'DD':
      return 'rename';
    default:
      return 'other';
  }
}

async function isBinary(git: Git, path: string, { submodule, sides }: StatusEntry): Promise<boolean> {
  const [ours, theirs] = [2, 3].map((stage) => sides.find((side) => side.stage === stage)?.id);
  if (submodule.startsWith('S') || ours === undefined || theirs === undefined) return false;
  return (await git.ask(path, ['diff', '--numstat', ours, theirs, '--'])).stdout.startsWith('-\t-\t');
}
