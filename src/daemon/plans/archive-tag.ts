import type { Git } from '../git/git.ts';
import { findCommit } from '../git/questions.ts';

interface Tag {
  tag: string;
  commit: string;
}

const refOf = (tag: string): string => `refs/tags/${tag}`;

/** The tag that may keep what a branch is: `archive/<branch>`, with `-2`, `-3` … when there is one of that name. */
export async function freeArchiveTag(git: Git, commonDir: string, branch: string): Promise<string> {
  const output = await git.read(commonDir, ['for-each-ref', '--format=%(refname:lstrip=2)', 'refs/tags/archive/']);
  const taken = new Set(output.split('\n'));
  let tag = `archive/${branch}`;
  for (let number = 2; taken.has(tag); number += 1) tag = `archive/${branch}-${number}`;
  return tag;
}

/** Throws GIT_FAILED when somebody else has made it meanwhile. */
export async function makeTag(
  git: Git,
  commonDir: string,
  { tag, commit, env }: Tag & { env: Record<string, string> },
): Promise<void> {
  const none = '0'.repeat(commit.length);
  await git.locked(commonDir, () => git.write(commonDir, ['update-ref', refOf(tag), commit, none], env));
}

/** Takes it away as long as it is as it was made. */
export async function removeTag(git: Git, commonDir: string, { tag, commit }: Tag): Promise<void> {
  await git.locked(commonDir, async () => {
    if ((await findCommit(git, commonDir, refOf(tag))) !== commit) return;
    await git.write(commonDir, ['update-ref', '-d', refOf(tag), commit]);
  });
}
