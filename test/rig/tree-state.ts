import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Checkout } from './repository.ts';

/** Everything of a worktree that a snapshot holds, to be compared; wtd's own notes for its tools are not of it. */
export function stateOf(worktree: Checkout) {
  return {
    head: worktree.git('rev-parse', 'HEAD'),
    branch: worktree.git('rev-parse', '--symbolic-full-name', 'HEAD'),
    index: worktree.gitBytes('ls-files', '--stage', '-v', '-z'),
    status: worktree.gitBytes('status', '--porcelain=v2', '-z', '--untracked-files=all'),
    files: listFiles(Buffer.from(worktree.path)),
  };
}

/** Path, kind, mode and content of each file, links not followed; bytes as Latin-1. */
function listFiles(root: Buffer, below = ''): string[] {
  const directory = Buffer.concat([root, Buffer.from(`/${below}`, 'latin1')]);
  return readdirSync(directory, { encoding: 'buffer' })
    .map((name) => name.toString('latin1'))
    .filter((name) => below !== '' || !['.git', '.claude-context'].includes(name))
    .sort()
    .flatMap((name) => {
      const path = `${below}${name}`;
      const file = Buffer.concat([root, Buffer.from(`/${path}`, 'latin1')]);
      const found = lstatSync(file);
      if (found.isDirectory()) return listFiles(root, `${path}/`);
      if (found.isSymbolicLink()) return [`${path} -> ${readlinkSync(file, { encoding: 'latin1' })}`];
      return [`${path} ${(found.mode & 0o777).toString(8)} ${readFileSync(file, 'latin1')}`];
    });
}

/** As somebody does it who knows nothing of wtd. */
export function removeByHand(repository: Checkout, worktree: Checkout): void {
  repository.git('worktree', 'remove', '--force', '--force', worktree.path);
}
