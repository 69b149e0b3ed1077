import { basename, dirname, isAbsolute, join } from 'node:path';

/** A worktree is named after its branch; the first of `-2`, `-3` … that is free when the name is taken. Pure. */
export function worktreeName(branch: string, isTaken: (name: string) => boolean): string {
  const wanted = branch.replaceAll('/', '-');
  let name = wanted;
  for (let number = 2; isTaken(name); number += 1) name = `${wanted}-${number}`;
  return name;
}

/** Why a plan's worktree is locked for git: it also tells whose it is when nothing else does any more. Pure. */
export const lockReason = ({ plan, home }: { plan: string; home: string }): string => `wtd: plan ${plan} of ${home}`;

/** Whether a daemon of any home made it. Pure. */
export const isLock = (reason: string | null): boolean => reason?.startsWith('wtd: plan ') === true;

/** The plan that the daemon of a home made a lock for; undefined: it is somebody else's. Pure. */
export function planOfLock(reason: string | null, home: string): string | undefined {
  const plan = /^wtd: plan (\S+) of /.exec(reason ?? '')?.[1];
  return plan !== undefined && reason === lockReason({ plan, home }) ? plan : undefined;
}

/**
 * The directory that holds a repository's worktrees: beside its common directory, or, where it is absolute or the
 * repository has no checkout, one of its own for each repository. Pure.
 */
export function worktreesDirectory(
  repository: { name: string; path: string; commonDir: string },
  directory: string,
): string {
  if (isAbsolute(directory)) return join(directory, repository.name);
  const isBare = repository.path === repository.commonDir;
  if (!isBare) return join(repository.path, directory);
  return join(dirname(repository.path), `${basename(repository.path).replace(/\.git$/, '')}-${basename(directory)}`);
}
