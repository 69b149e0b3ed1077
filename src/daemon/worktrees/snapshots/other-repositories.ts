import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../../git/git.ts';
import { fullPath } from '../../git/byte-paths.ts';

/** Directories above these files with a `.git` of their own: git says nothing of one where it has files itself. */
export async function findNested(root: string, files: Iterable<string>): Promise<string[]> {
  const directories = new Set<string>();
  for (const file of files) {
    for (let end = file.lastIndexOf('/'); end > 0; end = file.lastIndexOf('/', end - 1)) {
      const directory = file.slice(0, end);
      if (directories.has(directory)) break;
      directories.add(directory);
    }
  }
  const nested: string[] = [];
  for (const directory of directories) if (await isThere(fullPath(root, `${directory}/.git`))) nested.push(directory);
  return nested;
}

/**
 * Submodules whose repository, which goes with git's entry of the worktree, has commits that no remote has: also of
 * those that are not checked out. What cannot be asked may have some.
 */
export async function findUnpushed(git: Git, gitDir: string): Promise<string[]> {
  const unpushed: string[] = [];
  for (const name of await listModules(join(gitDir, 'modules'))) {
    const directory = join(gitDir, 'modules', name);
    if (await isUnpushed(git, directory, [`--git-dir=${directory}`, `--work-tree=${directory}`])) {
      unpushed.push(Buffer.from(name).toString('latin1'));
    }
  }
  return unpushed;
}

/** Of the repository around a directory, or that of `options`. */
export async function isUnpushed(git: Git, directory: string, options: readonly string[] = []): Promise<boolean> {
  const args = [...options, 'rev-list', '--max-count=1', 'HEAD', '--all', '--not', '--remotes'];
  const { exitCode, stdout } = await git.ask(directory, args);
  return exitCode !== 0 || stdout !== '';
}

/** Names have slashes, and submodules have submodules. */
async function listModules(modules: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(modules, below), { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    const path = join(below, name);
    if (!(await isThere(join(modules, path, 'HEAD')))) found.push(...(await listModules(modules, path)));
    else found.push(path, ...(await listModules(modules, join(path, 'modules'))));
  }
  return found;
}

const isThere = (path: string | Buffer): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
