import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, resolve } from 'node:path';
import { succeed, type Git } from './git.ts';
import { parseAheadBehind, parseStatus, parseWorktreeList, type ListedWorktree, type TreeStatus } from './porcelain.ts';

/** The identity of a repository, the same from any of its worktrees; undefined where there is none. */
export async function findCommonDir(git: Git, directory: string): Promise<string | undefined> {
  const args = ['rev-parse', '--git-common-dir'];
  const result = await git.ask(directory, args);
  if (/not a git repository|cannot change to/.test(result.stderr)) return undefined;
  // Anything else, such as a checkout that belongs to somebody else, is for people to read.
  const stdout = succeed(args, result);
  return realpath(isAbsolute(stdout) ? stdout : resolve(directory, stdout));
}

export async function isBare(git: Git, commonDir: string): Promise<boolean> {
  return (await git.ask(commonDir, ['config', '--bool', 'core.bare'])).stdout === 'true';
}

/**
 * The main checkout of a repository that is not bare. A git directory that lies elsewhere knows it (a submodule's) or
 * not (`--separate-git-dir`); then it is the one from which the repository was reached.
 */
export async function findCheckout(git: Git, commonDir: string, reachedFrom: string): Promise<string> {
  if (basename(commonDir) === '.git') return dirname(commonDir);
  const known = await git.ask(commonDir, ['rev-parse', '--show-toplevel']);
  if (known.exitCode === 0 && known.stdout !== '') return known.stdout;
  const around = await git.ask(reachedFrom, ['rev-parse', '--absolute-git-dir', '--show-toplevel']);
  const [gitDir, checkout] = around.stdout.split('\n');
  return around.exitCode === 0 && gitDir === commonDir && checkout ? checkout : dirname(commonDir);
}

/** What origin/HEAD points to when there is such a local branch, else the branch of the main checkout. */
export async function findDefaultBranch(git: Git, commonDir: string): Promise<string | null> {
  const remote = await git.ask(commonDir, ['symbolic-ref', '--quiet', '--short', 'refs/remotes/origin/HEAD']);
  const name = remote.stdout.replace(/^origin\//, '');
  if (remote.exitCode === 0 && (await findCommit(git, commonDir, `refs/heads/${name}`)) !== undefined) return name;
  const head = await git.ask(commonDir, ['symbolic-ref', '--quiet', '--short', 'HEAD']);
  return head.exitCode === 0 ? head.stdout : null;
}

/** The commit a revision names, undefined when there is none. */
export async function findCommit(git: Git, directory: string, revision: string): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  const { exitCode, stdout } = await git.ask(directory, args);
  return exitCode === 0 ? stdout : undefined;
}

export async function hasCommits(git: Git, directory: string): Promise<boolean> {
  return (await git.ask(directory, ['rev-list', '--max-count=1', '--all'])).stdout !== '';
}

export async function listWorktrees(git: Git, commonDir: string): Promise<ListedWorktree[]> {
  return parseWorktreeList(await git.read(commonDir, ['worktree', 'list', '--porcelain', '-z']));
}

export async function treeStatus(git: Git, worktree: string): Promise<TreeStatus> {
  return parseStatus(
    await git.read(worktree, [
      'status',
      '--porcelain=v2',
      '-z',
      '--untracked-files=normal',
      '--ignore-submodules=none',
    ]),
  );
}

/** Commits on one side only. */
export async function aheadBehind(
  git: Git,
  commonDir: string,
  pair: { tip: string; base: string },
): Promise<{ ahead: number; behind: number }> {
  return parseAheadBehind(
    await git.read(commonDir, ['rev-list', '--left-right', '--count', `${pair.tip}...${pair.base}`]),
  );
}

/** Merging the tip would add nothing: so a squash merge is found, until the same file changes again. */
export async function addsNothing(git: Git, commonDir: string, pair: { tip: string; base: string }): Promise<boolean> {
  const merged = await git.ask(commonDir, ['merge-tree', '--write-tree', pair.base, pair.tip]);
  if (merged.exitCode !== 0) return false;
  const baseTree = await git.read(commonDir, ['rev-parse', `${pair.base}^{tree}`]);
  return merged.stdout.split('\n')[0] === baseTree;
}

export async function isAncestor(git: Git, commonDir: string, pair: { tip: string; base: string }): Promise<boolean> {
  return (await git.ask(commonDir, ['merge-base', '--is-ancestor', pair.tip, pair.base])).exitCode === 0;
}

/** Undefined when two revisions have no commit in common. */
export async function findMergeBase(
  git: Git,
  directory: string,
  [one, other]: readonly [string, string],
): Promise<string | undefined> {
  const { exitCode, stdout } = await git.ask(directory, ['merge-base', '--end-of-options', one, other]);
  return exitCode === 0 ? stdout.split('\n')[0] : undefined;
}

/** Tips of all local branches, or of those with one of these names or under a prefix that ends in `/`: name to commit. */
export async function branchTips(
  git: Git,
  commonDir: string,
  names: readonly string[] = [''],
): Promise<Map<string, string>> {
  const output = await git.read(commonDir, [
    'for-each-ref',
    '--format=%(refname:lstrip=2)%00%(objectname)',
    ...names.map((name) => `refs/heads/${name}`),
  ]);
  return new Map(
    output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\0') as [string, string]),
  );
}

/** Those of the branches (name to tip) that reach no commit which every other branch, tag and remote branch lacks. */
export async function withoutOwnCommits(
  git: Git,
  commonDir: string,
  branches: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  if (branches.size === 0) return new Map();
  const others = [...[...branches.keys()].map((name) => `--exclude=${name}`), '--branches', '--tags', '--remotes'];
  // Only commits that a ref points to, so that a long history answers in a few lines.
  const args = ['rev-list', '--simplify-by-decoration', ...new Set(branches.values()), '--not', ...others];
  const own = new Set((await git.read(commonDir, args)).split('\n'));
  return new Map([...branches].filter(([, tip]) => !own.has(tip)));
}

/** Commits that this one reaches and no branch, tag or remote branch does. */
export async function countUnreachable(git: Git, directory: string, commit: string): Promise<number> {
  const args = ['rev-list', '--count', commit, '--not', '--branches', '--tags', '--remotes'];
  return Number(await git.read(directory, args));
}

/** Commits of a branch that no other branch, tag or remote branch reaches. */
export async function countOwnCommits(
  git: Git,
  commonDir: string,
  { branch, tip }: { branch: string; tip: string },
): Promise<number> {
  const others = [`--exclude=${branch}`, '--branches', '--tags', '--remotes'];
  return Number(await git.read(commonDir, ['rev-list', '--count', tip, '--not', ...others]));
}

/** Commits of a branch that its configured upstream lacks; null: it has none, or that is gone. */
export async function countUnpushed(git: Git, commonDir: string, branch: string): Promise<number | null> {
  const upstream = await git.read(commonDir, ['for-each-ref', '--format=%(upstream)', `refs/heads/${branch}`]);
  if (upstream === '' || (await findCommit(git, commonDir, upstream)) === undefined) return null;
  return Number(await git.read(commonDir, ['rev-list', '--count', `refs/heads/${branch}`, '--not', upstream]));
}

/** `2.39.5` */
export async function gitVersion(git: Git): Promise<string> {
  return (await git.read('/', ['version'])).replace(/^git version /, '').split(' ')[0] ?? '';
}

/** The blob that a revision such as `main:file` names, undefined when there is none. */
export async function findBlob(git: Git, directory: string, revision: string): Promise<string | undefined> {
  const { exitCode, stdout } = await git.ask(directory, ['rev-parse', '--verify', '--quiet', revision]);
  return exitCode === 0 ? stdout : undefined;
}

export async function sizeOfBlob(git: Git, directory: string, blob: string): Promise<number> {
  return Number(await git.read(directory, ['cat-file', '-s', blob]));
}

export async function readBlob(git: Git, directory: string, blob: string): Promise<string> {
  return git.read(directory, ['cat-file', 'blob', blob]);
}

/** Those of the paths that git ignores in a checkout and does not track. */
export async function ignoredAmong(git: Git, checkout: string, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const { exitCode, stdout, stderr } = await git.ask(
    checkout,
    ['check-ignore', '-z', '--stdin'],
    paths.map((path) => `${path}\0`).join(''),
  );
  if (exitCode > 1) throw new Error(`git check-ignore failed: ${stderr}`);
  return stdout.split('\0').filter((path) => path !== '');
}
