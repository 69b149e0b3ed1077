import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { faultPoint } from '../../../base/fault-point.ts';
import type { Git } from '../../git/git.ts';
import { quoted, quotedText } from '../../git/byte-paths.ts';
import type { KeptTree } from './kept-tree.ts';
import { findNamed, listStateFiles } from './operation-state.ts';
import type { SnapshotRecord } from './record.ts';
import { environmentOf, type Workplace } from './workplace.ts';

interface Found {
  place: Workplace;
  tree: KeptTree;
  record: SnapshotRecord;
  /** A directory of one's own for what git is to read. */
  scratch: string;
}

/** A file of the snapshot: where it is kept, and where git reads its bytes now. */
interface Source {
  name: string;
  mode: string;
  /** As a line of `hash-object --stdin-paths`. */
  line: string;
}

/** Whoever runs the daemon may have no name in git. */
export const author: Readonly<Record<string, string>> = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((role) => [
    [`GIT_${role}_NAME`, 'wtd'],
    [`GIT_${role}_EMAIL`, 'wtd@localhost'],
  ]),
);

/**
 * Writes everything as one commit, that no ref points to yet. Its tree has `worktree/`, `unmerged/`, `gitdir/`, `index`
 * and `meta.json`; its parents are HEAD, a commit of the index when something is staged, and what the state of an
 * operation names. Answers the commit.
 */
export async function writeSnapshot(git: Git, found: Found): Promise<string> {
  const { place, tree, record, scratch } = found;
  const stateFiles = await listStateFiles(place.gitDir);
  const sources = await listSources({ ...found, stateFiles });
  const ids = await hash(git, place, sources);
  const lines = [
    ...sources.map(({ name, mode }, at) => indexLine({ name, mode, id: ids[at] ?? '' })),
    ...tree.status.flatMap(({ path, sides }) =>
      sides
        .filter(({ mode }) => mode !== '160000')
        .map(({ stage, mode, id }) => indexLine({ name: `unmerged/${stage}/${path}`, mode, id })),
    ),
  ];
  const env = environmentOf(place, join(scratch, 'tree'));
  await git.bytes(place.path, ['update-index', '-z', '--index-info'], { input: lines.join(''), env });
  const content = await git.bytes(place.path, ['write-tree'], { env });
  faultPoint('snapshot: objects written');
  const named = await findNamed(git, place, { files: stateFiles, refs: record.refs });
  const commit = (id: string, message: string, parents: readonly string[]) =>
    commitTree(git, place, { tree: id, message, parents });
  const staged = await writeStaged(git, found);
  const aside: string[] = [];
  for (const id of [...staged, ...named.trees]) aside.push(await commit(id, 'Part of a snapshot', [record.head]));
  const parents = [...new Set([record.head, ...aside, ...named.commits])];
  return commit(content, `Snapshot of ${record.name}: ${record.reason}`, parents);
}

async function listSources({ place, tree, record, scratch, stateFiles }: Found & { stateFiles: string[] }) {
  const links = join(scratch, 'links');
  await mkdir(links);
  const sources: Source[] = [];
  for (const { path, mode, target } of tree.files) {
    const name = `worktree/${path}`;
    if (target === undefined) sources.push({ name, mode, line: quoted(path) });
    else {
      // Git would follow the link.
      const file = join(links, String(sources.length));
      await writeFile(file, target, 'latin1');
      sources.push({ name, mode, line: quotedText(file) });
    }
  }
  for (const name of stateFiles) {
    sources.push({ name: `gitdir/${name}`, mode: '100644', line: quotedText(join(place.gitDir, name)) });
  }
  if (place.index !== null) sources.push({ name: 'index', mode: '100644', line: quotedText(place.index) });
  const meta = join(scratch, 'meta.json');
  await writeFile(meta, `${JSON.stringify(record, null, 2)}\n`);
  sources.push({ name: 'meta.json', mode: '100644', line: quotedText(meta) });
  return sources;
}

/** Git reads the files itself, without its filters, in one go whatever their number and size. */
async function hash(git: Git, { path, env }: Workplace, sources: readonly Source[]): Promise<string[]> {
  const input = sources.map(({ line }) => `${line}\n`).join('');
  const ids = await git.bytes(path, ['hash-object', '-w', '--no-filters', '--stdin-paths'], { input, env });
  return ids.split('\n');
}

/** The tree of the index, so that gc leaves alone what only that refers to; none when it is HEAD's. */
async function writeStaged(git: Git, { place, tree, scratch }: Found): Promise<string[]> {
  if (tree.status.every(({ code }) => code.startsWith('.') || code === '??')) return [];
  const unmerged = tree.status.filter(({ sides }) => sides.length > 0);
  if (unmerged.length === 0) return [await git.bytes(place.path, ['write-tree'], { env: place.env })];
  // Git makes no tree of an index with conflicts; their sides are kept apart.
  const env = environmentOf(place, join(scratch, 'staged'));
  const listed = await git.bytes(place.path, ['ls-files', '-z', '--stage'], { env: place.env });
  const merged = listed.split('\0').filter((line) => / 0\t/.test(line));
  const input = merged.map((line) => `${line}\0`).join('');
  await git.bytes(place.path, ['update-index', '-z', '--index-info'], { input, env });
  return [await git.bytes(place.path, ['write-tree'], { env })];
}

function commitTree(
  git: Git,
  { path, env }: Workplace,
  { tree, message, parents }: { tree: string; message: string; parents: readonly string[] },
): Promise<string> {
  const args = ['commit-tree', ...parents.flatMap((parent) => ['-p', parent]), '-m', message, tree];
  return git.bytes(path, args, { env: { ...env, ...author } });
}

const indexLine = ({ name, mode, id }: { name: string; mode: string; id: string }): string =>
  `${mode} ${id}\t${name}\0`;
