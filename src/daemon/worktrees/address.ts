import { isAbsolute, resolve } from 'node:path';
import { nearNames } from '../../base/near-names.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';

/** The worktree that an id or an absolute path names, in whatever repository. */
const findWorktree = (registry: Registry, text: string): WorktreeRow | undefined =>
  registry.worktrees.get(text) ?? (isAbsolute(text) ? registry.worktrees.byPath(resolve(text)) : undefined);

/**
 * The worktree that is meant: by id (also one that is removed), absolute path or, within the repository, name or branch.
 * Throws NOT_FOUND with near names.
 */
export function requireWorktree(registry: Registry, repository: RepositoryRow | undefined, text: string): WorktreeRow {
  const live = repository ? registry.worktrees.liveOf(repository.id) : [];
  const found =
    findWorktree(registry, text) ??
    live.find(({ name }) => name === text) ??
    live.find(({ branch }) => branch === text);
  if (found) return found;
  const near = nearNames(
    text,
    live.flatMap(({ name, branch }) => [name, ...(branch === null ? [] : [branch])]),
  );
  throw new WtdError('NOT_FOUND', `there is no worktree ${text}${repository ? ` in ${repository.name}` : ''}`, {
    hint:
      near.length > 0
        ? `did you mean ${near.join(' or ')}?`
        : 'see `wtd worktree list`; take over one that was made without wtd with `wtd worktree adopt <path>`',
    kind: 'worktree',
    name: text,
  });
}

export type WorktreeAddress = Address & { worktree: string };

interface Parts {
  registry: Registry;
  repositories: Repositories;
}

interface Located {
  row: WorktreeRow;
  repository: RepositoryRow;
}

/** The same for whoever does not know the repository yet. Throws NOT_FOUND. */
export async function locateEvenRemoved(
  { registry, repositories }: Parts,
  { worktree, ...address }: WorktreeAddress,
): Promise<Located> {
  const isInAny = isAbsolute(worktree) || findWorktree(registry, worktree) !== undefined;
  const around = isInAny ? undefined : await repositories.require(address);
  const row = requireWorktree(registry, around, worktree);
  const repository = registry.repositories.get(row.repositoryId);
  if (!repository) throw new Error(`the worktree ${row.path} has no repository`);
  return { row, repository };
}

/** Like that, but one that is removed is not there. */
export async function locateWorktree(parts: Parts, address: WorktreeAddress): Promise<Located> {
  const located = await locateEvenRemoved(parts, address);
  const { name, state } = located.row;
  if (state !== 'removed') return located;
  throw new WtdError('NOT_FOUND', `the worktree ${name} is removed`, {
    hint: 'see `wtd worktree list --all`',
    kind: 'worktree',
    name: address.worktree,
  });
}
