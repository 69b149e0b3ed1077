import { chmod, lstat } from 'node:fs/promises';
import type { Git } from '../../git/git.ts';
import type { TreeEntry } from '../../git/porcelain.ts';
import { fullPath, quoted, staysInside } from '../../git/byte-paths.ts';
import { TreeWriter } from './tree-writer.ts';

/** Makes a fresh checkout the tree that was kept; files are written without git's filters. */
export async function restoreTree(
  git: Git,
  root: string,
  { absent, files }: { absent: readonly string[]; files: readonly TreeEntry[] },
): Promise<void> {
  const writer = new TreeWriter(root);
  for (const path of absent) await writer.remove(path);
  const differing = await findDiffering(git, root, files);
  const next = differing.values();
  await git.eachBlob(
    root,
    differing.map(({ id }) => id),
    async (_, content) => {
      const { value } = next.next();
      if (value === undefined) throw new Error('git answered more objects than it was asked for');
      if (value.mode === '120000') await writer.writeLink(value.path, content);
      else await writer.writeFile(value.path, value.mode === '100755', content);
    },
  );
}

/** Most files that a conversion could have changed are as the checkout wrote them. */
async function findDiffering(git: Git, root: string, files: readonly TreeEntry[]): Promise<TreeEntry[]> {
  const there: TreeEntry[] = [];
  for (const entry of files) if (entry.mode !== '120000' && (await isPlainFile(root, entry))) there.push(entry);
  if (there.length === 0) return [...files];
  const input = there.map(({ path }) => `${quoted(path)}\n`).join('');
  const ids = await git.bytes(root, ['hash-object', '--no-filters', '--stdin-paths'], { input, env: {} });
  const found = ids.split('\n');
  const same = new Set(there.filter(({ id }, at) => id === found[at]));
  for (const { path, mode } of same) {
    const file = fullPath(root, path);
    const bits = (await lstat(file)).mode;
    const isExecutable = (bits & 0o100) !== 0;
    // Whoever may read it may execute it, as git does it.
    if (isExecutable !== (mode === '100755'))
      await chmod(file, isExecutable ? bits & ~0o111 : bits | ((bits & 0o444) >> 2));
  }
  return files.filter((entry) => !same.has(entry));
}

/** Itself and not by a link among its parents. */
async function isPlainFile(root: string, { path }: TreeEntry): Promise<boolean> {
  if (!staysInside(path)) return false;
  const parts = path.split('/');
  for (let length = 1; length <= parts.length; length += 1) {
    const found = await lstat(fullPath(root, parts.slice(0, length).join('/'))).catch(() => undefined);
    const isAsNeeded = length === parts.length ? found?.isFile() : found?.isDirectory();
    if (isAsNeeded !== true) return false;
  }
  return true;
}
