import { basename, dirname, isAbsolute, join } from 'node:path';
import type { WorktreeRow } from '../registry/rows.ts';

/** A file name has at most 255 bytes, and a number may follow. */
const longestName = 100;

/**
 * A worktree is named after its branch, with dashes for what a name may not have; the first of `-2`, `-3` … that is free
 * when the name is taken. Pure.
 */
export function worktreeName(branch: string, isTaken: (name: string) => boolean): string {
  const wanted =
    branch
      .replaceAll(/[^A-Za-z0-9._-]/gu, '-')
      .replaceAll(/\.{2,}/g, '.')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, longestName)
      .replace(/(\.lock|\.)+$/, '') || 'worktree';
  let name = wanted;
  for (let number = 2; isTaken(name); number += 1) name = `${wanted}-${number}`;
  return name;
}

/** Whose a worktree is: a plan's, or its own name with the kind it has. */
export interface LockOwner {
  kind: WorktreeRow['kind'];
  /** Of the plan, else of the worktree. */
  name: string;
}

/** Why a worktree is locked for git: it also tells whose it is when nothing else does any more. Pure. */
export const lockReason = ({ kind, name, home }: LockOwner & { home: string }): string =>
  `wtd: ${kind} ${name} of ${home}`;

const lockPattern = /^wtd: (?<kind>plan|named|pool|session|adopted) (?<name>\S+) of /;

/** Whether a daemon of any home made it. Pure. */
export const isLock = (reason: string | null): boolean => lockPattern.test(reason ?? '');

/** Whom the daemon of a home made a lock for; undefined: it is somebody else's. Pure. */
export function ownerOfLock(reason: string | null, home: string): LockOwner | undefined {
  const owner = lockPattern.exec(reason ?? '')?.groups as LockOwner | undefined;
  return owner && reason === lockReason({ ...owner, home }) ? { kind: owner.kind, name: owner.name } : undefined;
}

/** The plan that the daemon of a home made a lock for. Pure. */
export function planOfLock(reason: string | null, home: string): string | undefined {
  const owner = ownerOfLock(reason, home);
  return owner?.kind === 'plan' ? owner.name : undefined;
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
