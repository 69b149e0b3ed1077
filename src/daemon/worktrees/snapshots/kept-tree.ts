import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Git } from '../../git/git.ts';
import {
  parseIndexEntries,
  parseStatusEntries,
  splitZero,
  type IndexEntry,
  type StatusEntry,
} from '../../git/porcelain.ts';
import { fullPath } from '../../git/byte-paths.ts';
import { findNested, findUnpushed, isUnpushed } from './other-repositories.ts';
import type { Workplace } from './workplace.ts';

/** A file of a worktree whose very bytes are to be kept. */
export interface FoundFile {
  path: string;
  mode: '100644' | '100755' | '120000';
  /** Of a link: where it points to, as bytes in Latin-1. */
  target?: string;
}

/** What a checkout of HEAD would not give again. */
export interface KeptTree {
  status: StatusEntry[];
  files: FoundFile[];
  /** Paths that HEAD or the index may have, and the tree has not. */
  absent: string[];
  /** Neither files, links nor directories. */
  special: string[];
  /** Submodules with commits that no remote has: their repository goes with the worktree. */
  unpushed: string[];
  /** Directories with a repository of their own that git does not tell of. */
  nested: string[];
  /** Files are there that git was told not to look at. */
  isHiding: boolean;
}

/** A conversion between index and tree may apply to what has one of these attributes (gitattributes(5)). */
const unconverted = [
  '!text !crlf !eol !ident !filter !working-tree-encoding',
  '-text !crlf !eol !ident !filter !working-tree-encoding',
  // Git LFS names the very bytes by their hash, and keeps them for all worktrees.
  '-text !crlf !eol !ident filter=lfs !working-tree-encoding',
].map((attributes) => `:(exclude,attr:${attributes})`);

const filesATurn = 200;

/** Looks at a worktree without touching it. Every path that may differ from a checkout of HEAD is looked at itself. */
export async function readTree(git: Git, place: Workplace): Promise<KeptTree> {
  const ask = (...args: string[]) => git.bytes(place.path, args, { env: place.env });
  const [status, indexed] = await Promise.all([
    ask('status', '--porcelain=v2', '-z', '--no-renames', '--untracked-files=all', '--ignore-submodules=none').then(
      parseStatusEntries,
    ),
    ask('ls-files', '-z', '-v', '--stage').then(parseIndexEntries),
  ]);
  const converted = await listConverted(git, place, { status, indexed });
  const submodules = new Set(indexed.filter(({ mode }) => mode === '160000').map(({ path }) => path));
  const flagged = indexed.filter(({ tag }) => tag !== 'H' && tag !== 'M').map(({ path }) => path);
  const paths = new Set([...status.map(({ path }) => path), ...flagged, ...converted]);
  const ofSubmodules = { unpushed: await findUnpushedIn(git, place, submodules) };
  const nested = await findNested(place.path, withoutSlash([...indexed, ...status].map(({ path }) => path)));
  const tree: KeptTree = { status, files: [], absent: [], special: [], ...ofSubmodules, nested, isHiding: false };
  let count = 0;
  for (const path of paths) {
    // One with a slash at its end is another repository.
    if (!submodules.has(path) && !path.endsWith('/')) await lookAt(tree, { place, path });
    if (++count % filesATurn === 0) await nextTurn();
  }
  const present = new Set(tree.files.map(({ path }) => path));
  tree.isHiding = flagged.some((path) => present.has(path));
  return tree;
}

/** What git can keep of a worktree whose directory is gone: a checkout of its index takes the place of the tree. */
export async function readIndexAlone(git: Git, place: Workplace): Promise<KeptTree> {
  const args = ['diff-index', '--cached', '--name-only', '--no-renames', '--diff-filter=D', '-z', 'HEAD'];
  const absent = splitZero(await git.bytes(place.path, args, { env: place.env }));
  const status = ['status', '--porcelain=v2', '-z', '--no-renames', '--untracked-files=no'];
  const entries = parseStatusEntries(await git.bytes(place.path, status, { env: place.env }));
  const unpushed = await findUnpushed(git, place.gitDir);
  return { status: entries, files: [], absent, special: [], unpushed, nested: [], isHiding: false };
}

/** Of most the repository lies in git's entry of the worktree, also when they are not checked out. */
async function findUnpushedIn(git: Git, { path, gitDir }: Workplace, submodules: Iterable<string>): Promise<string[]> {
  const unpushed = await findUnpushed(git, gitDir);
  for (const name of submodules) {
    const own = await lstat(fullPath(path, `${name}/.git`)).catch(() => undefined);
    if (own?.isDirectory() !== true) continue;
    if (await isUnpushed(git, join(path, Buffer.from(name, 'latin1').toString()))) unpushed.push(name);
  }
  return unpushed;
}

/** One with a slash at its end is another repository. */
const withoutSlash = (paths: readonly string[]): string[] => paths.filter((path) => !path.endsWith('/'));

/** Those for which the bytes in the tree may be others than those in the index although git sees no difference. */
async function listConverted(
  git: Git,
  { path, env }: Workplace,
  { status, indexed }: { status: readonly StatusEntry[]; indexed: readonly IndexEntry[] },
): Promise<string[]> {
  const { stdout } = await git.ask(path, ['config', 'core.autocrlf']);
  const isEverywhere = stdout === 'input' || /^(true|yes|on|1)$/i.test(stdout);
  // The attributes of HEAD, by which a checkout goes, may be others than those of now.
  if (isEverywhere || status.some((entry) => /(^|\/)\.gitattributes$/.test(entry.path))) {
    return indexed.map((entry) => entry.path);
  }
  return splitZero(await git.bytes(path, ['ls-files', '-z', '--', ...unconverted], { env }));
}

async function lookAt(tree: KeptTree, { place, path }: { place: Workplace; path: string }): Promise<void> {
  const file = fullPath(place.path, path);
  const found = await lstat(file).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (found?.isFile()) tree.files.push({ path, mode: (found.mode & 0o100) === 0 ? '100644' : '100755' });
  else if (found?.isSymbolicLink()) {
    const target = (await readlink(file, { encoding: 'buffer' })).toString('latin1');
    tree.files.push({ path, mode: '120000', target });
  } else if (found && !found.isDirectory()) tree.special.push(path);
  else tree.absent.push(path);
}
