import { lstat } from 'node:fs/promises';
import type { ListedWorktree } from '../git/porcelain.ts';
import { findAgreedEntry } from './entry.ts';
import { isLock, ownerOfLock } from './naming.ts';
import type { Blocker } from './safety.ts';

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
  if ((await findAgreedEntry(commonDir, path)) === undefined) {
    block('pointer', `the .git of ${path} and git's entry of it do not name each other; see \`git worktree repair\``);
  }
  if (lockReason !== null && ownerOfLock(lockReason, home) === undefined) {
    const whose = isLock(lockReason) ? 'the wtd of another home' : 'somebody else';
    block('locked', `${path} is locked by ${whose}${lockReason === '' ? '' : ` (${lockReason})`}`);
  }
  return blockers;
}
