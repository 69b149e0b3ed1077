import type { Git } from './git.ts';
import { findCommit } from './questions.ts';

/** Where a branch of this repository is on another machine. */
export interface RemoteBranch {
  remote: string;
  /** Its name there. */
  branch: string;
}

/**
 * Where the base of a pull request lies: what the branch follows, or `<remote>/<branch>` itself, else the branch of that
 * name at `origin`. Undefined when there is no such remote.
 */
export async function findRemoteBranch(git: Git, commonDir: string, base: string): Promise<RemoteBranch | undefined> {
  const remotes = (await git.read(commonDir, ['remote'])).split('\n').filter((name) => name !== '');
  if ((await findCommit(git, commonDir, `refs/heads/${base}`)) !== undefined) {
    const format = '--format=%(upstream:remotename)%00%(upstream:remoteref)';
    const [remote = '', ref = ''] = (await git.read(commonDir, ['for-each-ref', format, `refs/heads/${base}`])).split(
      '\0',
    );
    if (remotes.includes(remote)) return { remote, branch: ref.replace(/^refs\/heads\//, '') };
  } else {
    const remote = remotes.find((name) => base.startsWith(`${name}/`));
    if (remote !== undefined) return { remote, branch: base.slice(remote.length + 1) };
  }
  return remotes.includes('origin') ? { remote: 'origin', branch: base } : undefined;
}

/** Never by force: what is there and not here stays. Throws GIT_FAILED. */
export async function pushBranch(
  git: Git,
  commonDir: string,
  { remote, branch, env }: RemoteBranch & { env: Record<string, string> },
): Promise<void> {
  const refspec = `refs/heads/${branch}:refs/heads/${branch}`;
  await git.transfer(commonDir, ['push', '--quiet', '--no-follow-tags', '--', remote, refspec], env);
}
