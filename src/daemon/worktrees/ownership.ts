import { lstat, readFile, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ListedWorktree } from '../git/porcelain.ts';
import { findEntry } from './entry.ts';
import { isLock, ownerOfLock } from './naming.ts';
import type { Blocker } from './safety.ts';

/** Whether a worktree's `.git` names git's entry of it, and that entry names the worktree. */
export async function arePointersAgreed(commonDir: string, path: string): Promise<boolean> {
  const pointer = /^gitdir: (?<entry>[^\0]+?)\n?$/.exec(await readFile(join(path, '.git'), 'utf8').catch(() => ''));
  const entry = await findEntry(commonDir, path).catch(() => undefined);
  const named = pointer?.groups?.['entry'];
  if (named === undefined || entry === undefined) return false;
  const [one, other] = await Promise.all([resolve(path, named), entry].map((each) => realpath(each).catch(() => null)));
  return one !== null && one === other;
}

/** Everything that speaks against its being ours to look after. */
export async function findForeign(
  { commonDir, home }: { commonDir: string; home: string },
  { path, lockReason }: ListedWorktree,
): Promise<Blocker[]> {
  const blockers: Blocker[] = [];
  const block = (code: string, message: string) => blockers.push({ code, message });
  const owner = await lstat(path).then(
    ({ uid }) => uid,
    () => undefined,
  );
  if (owner !== process.getuid?.()) block('owner', `${path} belongs to another user`);
  if (!(await arePointersAgreed(commonDir, path))) {
    block('pointer', `the .git of ${path} and git's entry of it do not name each other; see \`git worktree repair\``);
  }
  if (lockReason !== null && ownerOfLock(lockReason, home) === undefined) {
    const whose = isLock(lockReason) ? 'the wtd of another home' : 'somebody else';
    block('locked', `${path} is locked by ${whose}${lockReason === '' ? '' : ` (${lockReason})`}`);
  }
  return blockers;
}
