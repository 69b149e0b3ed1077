import type { Git } from '../../git/git.ts';
import { findCommit } from '../../git/questions.ts';

interface Tag {
  tag: string;
  commit: string;
}

const refOf = (tag: string): string => `refs/tags/${tag}`;

/** The tag that may keep what a branch is; nobody has it yet. */
export async function freeArchiveTag(git: Git, commonDir: string, branch: string): Promise<string> {
  return archiveName(await archiveTags(git, commonDir), { branch, tip: null });
}

/**
 * Keeps the last commit of a branch that is about to go by a tag, and answers its name. Done again it does nothing. The
 * caller holds the lock of the repository.
 */
export async function keepByTag(
  git: Git,
  commonDir: string,
  { branch, tip }: { branch: string; tip: string },
): Promise<string> {
  const tags = await archiveTags(git, commonDir);
  const tag = archiveName(tags, { branch, tip });
  if (!tags.has(tag)) await git.write(commonDir, ['update-ref', refOf(tag), tip, none(tip)]);
  return tag;
}

/** Throws GIT_FAILED when somebody else has made it meanwhile. */
export async function makeTag(
  git: Git,
  commonDir: string,
  { tag, commit, env }: Tag & { env: Record<string, string> },
): Promise<void> {
  await git.locked(commonDir, () => git.write(commonDir, ['update-ref', refOf(tag), commit, none(commit)], env));
}

/** Takes it away as long as it is as it was made. */
export async function removeTag(git: Git, commonDir: string, { tag, commit }: Tag): Promise<void> {
  await git.locked(commonDir, async () => {
    if ((await findCommit(git, commonDir, refOf(tag))) !== commit) return;
    await git.write(commonDir, ['update-ref', '-d', refOf(tag), commit]);
  });
}

async function archiveTags(git: Git, commonDir: string): Promise<Map<string, string>> {
  const format = '--format=%(refname:lstrip=2)%00%(objectname)';
  const lines = (await git.read(commonDir, ['for-each-ref', format, 'refs/tags'])).split('\n');
  return new Map(lines.filter((line) => line !== '').map((line) => line.split('\0') as [string, string]));
}

/**
 * `archive/<branch>`, with `-2` and so on when an earlier branch of that name has it, and nothing below another tag; where a
 * tip is given, the one that has it already. Pure.
 */
export function archiveName(
  tags: ReadonlyMap<string, string>,
  { branch, tip }: { branch: string; tip: string | null },
): string {
  const wanted = branch.split('/').reduce((above, part) => `${above}${tags.has(above) ? '-' : '/'}${part}`, 'archive');
  for (let number = 1; ; number += 1) {
    const name = `${wanted}${number === 1 ? '' : `-${number}`}`;
    const isFree = !tags.has(name) && ![...tags.keys()].some((other) => other.startsWith(`${name}/`));
    if (isFree || (tip !== null && tags.get(name) === tip)) return name;
  }
}

const none = (commit: string): string => '0'.repeat(commit.length);
