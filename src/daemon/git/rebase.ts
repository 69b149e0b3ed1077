import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { forGit } from '../../base/environment.ts';
import type { Git } from './git.ts';

/** A rebase that is in progress in a worktree. */
export interface RebaseUnderWay {
  /** The last commit of the branch before it. */
  from: string;
  onto: string;
}

/** Nothing of the user's that would move other branches, hide changes, or resolve conflicts unseen. */
const settings: Readonly<Record<string, string>> = {
  'rebase.backend': 'merge',
  'rebase.updateRefs': 'false',
  'rebase.autoStash': 'false',
  'rebase.autoSquash': 'false',
  'rebase.missingCommitsCheck': 'ignore',
  'rerere.autoUpdate': 'false',
};

/** For git that may run what the caller has: filters, keys to sign with. Nobody is asked anything. */
export function callersEnvironment(callers: Readonly<Record<string, string>>): Record<string, string> {
  const editors = { GIT_EDITOR: 'true', GIT_SEQUENCE_EDITOR: 'true' };
  return { ...forGit(callers), ...editors, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' };
}

/**
 * Puts the commits of the branch that is checked out, without those that `upstream` reaches, onto another commit.
 * Merges stay merges. Throws GIT_FAILED, also when it stops in the middle.
 */
export async function rebase(
  git: Git,
  path: string,
  { onto, upstream, env }: { onto: string; upstream: string; env: Record<string, string> },
): Promise<void> {
  const how = ['--rebase-merges', '--empty=drop', '--no-fork-point', '--no-autostash', '--no-autosquash'];
  await git.writeFiles(path, ['rebase', '--quiet', ...how, '--onto', onto, upstream], { ...env, ...configured() });
}

/** Branch, index and tree are what they were before it began. Throws GIT_FAILED. */
export async function abortRebase(git: Git, path: string, env: Record<string, string>): Promise<void> {
  await git.writeFiles(path, ['rebase', '--abort'], { ...env, ...configured() });
}

/** The branch that a rebase in a worktree moves once it is through; undefined: none. */
export async function findRebasedBranch(git: Git, path: string): Promise<string | undefined> {
  const { exitCode, stdout: gitDir } = await git.ask(path, ['rev-parse', '--absolute-git-dir']);
  if (exitCode !== 0) return undefined;
  for (const state of ['rebase-merge', 'rebase-apply']) {
    const name = await readFile(join(gitDir, state, 'head-name'), 'utf8').catch(() => undefined);
    if (name !== undefined) return name.trim().replace(/^refs\/heads\//, '');
  }
  return undefined;
}

/** The rebase that was begun in a worktree, by whomever; undefined: none. */
export async function findRebase(git: Git, path: string): Promise<RebaseUnderWay | undefined> {
  const gitDir = await git.read(path, ['rev-parse', '--absolute-git-dir']);
  for (const state of ['rebase-merge', 'rebase-apply']) {
    const read = (name: string) => readFile(join(gitDir, state, name), 'utf8').catch(() => undefined);
    const [from, onto] = await Promise.all([read('orig-head'), read('onto')]);
    if (from !== undefined && onto !== undefined) return { from: from.trim(), onto: onto.trim() };
  }
  return undefined;
}

/** Settings for one git, as environment: a name may have any letters there. Pure. */
export function configured(wanted: Readonly<Record<string, string>> = settings): Record<string, string> {
  const entries = Object.entries(wanted).flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${at}`, key],
    [`GIT_CONFIG_VALUE_${at}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(Object.keys(wanted).length), ...(Object.fromEntries(entries) as object) };
}
