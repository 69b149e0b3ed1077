import { realpath } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import type { Git } from './git.ts';
import { parseAheadBehind, parseStatus, parseWorktreeList, type ListedWorktree, type TreeStatus } from './porcelain.ts';

/** The identity of a repository, the same from any of its worktrees; undefined where there is none. */
export async function findCommonDir(git: Git, directory: string): Promise<string | undefined> {
  const { exitCode, stdout } = await git.ask(directory, ['rev-parse', '--git-common-dir']);
  if (exitCode !== 0 || stdout === '') return undefined;
  return realpath(isAbsolute(stdout) ? stdout : resolve(directory, stdout));
}

export async function isBare(git: Git, commonDir: string): Promise<boolean> {
  return (await git.ask(commonDir, ['config', '--bool', 'core.bare'])).stdout === 'true';
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

/** The tip is an ancestor of the base, or merging it would add nothing (a squash merge). */
export async function isContained(git: Git, commonDir: string, pair: { tip: string; base: string }): Promise<boolean> {
  const ancestor = await git.ask(commonDir, ['merge-base', '--is-ancestor', pair.tip, pair.base]);
  if (ancestor.exitCode === 0) return true;
  const merged = await git.ask(commonDir, ['merge-tree', '--write-tree', pair.base, pair.tip]);
  if (merged.exitCode !== 0) return false;
  const baseTree = await git.read(commonDir, ['rev-parse', `${pair.base}^{tree}`]);
  return merged.stdout.split('\n')[0] === baseTree;
}

/** Tips of all local branches: name to commit. */
export async function branchTips(git: Git, commonDir: string): Promise<Map<string, string>> {
  const output = await git.read(commonDir, [
    'for-each-ref',
    '--format=%(refname:lstrip=2)%00%(objectname)',
    'refs/heads',
  ]);
  return new Map(
    output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\0') as [string, string]),
  );
}
