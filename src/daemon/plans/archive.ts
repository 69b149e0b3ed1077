import type { Git } from '../git/git.ts';

/**
 * Keeps the last commit of a branch that is about to go by a tag, and answers its name. Done again it does nothing. The
 * caller holds the lock of the repository.
 */
export async function archiveTag(
  git: Git,
  commonDir: string,
  { branch, tip }: { branch: string; tip: string },
): Promise<string> {
  const format = '--format=%(refname:lstrip=2)%00%(objectname)';
  const lines = (await git.read(commonDir, ['for-each-ref', format, 'refs/tags/archive'])).split('\n');
  const tags = new Map(lines.filter((line) => line !== '').map((line) => line.split('\0') as [string, string]));
  const name = archiveName(tags, { branch, tip });
  if (!tags.has(name)) await git.write(commonDir, ['update-ref', `refs/tags/${name}`, tip, '0'.repeat(tip.length)]);
  return name;
}

/** `archive/<branch>`, `-2` and so on when an earlier branch of that name has it; the one that has this tip. Pure. */
export function archiveName(
  tags: ReadonlyMap<string, string>,
  { branch, tip }: { branch: string; tip: string },
): string {
  for (let number = 1; ; number += 1) {
    const name = `archive/${branch}${number === 1 ? '' : `-${number}`}`;
    const isFree = !tags.has(name) && ![...tags.keys()].some((other) => other.startsWith(`${name}/`));
    if (isFree || tags.get(name) === tip) return name;
  }
}
