import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ListedWorktree } from '../git/porcelain.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import { findEntry } from './entry.ts';
import { newRow } from './new-row.ts';

/** A worktree that git lists and wtd has no row of, seen as one; its id is its path. */
export async function unownedRow(repository: RepositoryRow, listed: ListedWorktree): Promise<WorktreeRow> {
  const { path, branch } = listed;
  const entry = await findEntry(repository.commonDir, path).catch(() => undefined);
  const changedAt = async (name: string) =>
    entry === undefined
      ? null
      : stat(join(entry, name)).then(
          ({ mtimeMs }) => Math.floor(mtimeMs),
          () => null,
        );
  const row = newRow({
    repositoryId: repository.id,
    name: basename(path),
    branch,
    branchMade: false,
    base: repository.defaultBranch,
    // Nobody wrote down where it began, so nothing tells that it was merged.
    baseCommit: listed.head ?? '',
    path,
    kind: 'adopted',
    state: 'in_use',
    createdAt: (await changedAt('gitdir')) ?? 0,
    ports: null,
  });
  return { ...row, id: path, lastUsedAt: await changedAt('index') };
}
