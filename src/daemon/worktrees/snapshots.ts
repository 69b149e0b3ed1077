import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { newId } from '../../base/id.ts';
import type { Git } from '../git/git.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, SnapshotRow, WorktreeRow } from '../registry/rows.ts';

interface Parts {
  registry: Registry;
  git: Git;
  clock: Clock;
}

/** Keeps the whole state of worktrees as commits. */
export class Snapshots {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Writes the snapshot down, also as the last one of its worktree. */
  async take(repository: RepositoryRow, row: WorktreeRow, reason: string): Promise<SnapshotRow> {
    const { registry, git, clock } = this.#parts;
    const id = newId();
    const index = join(tmpdir(), `wtd-index-${id}`);
    const env = { GIT_INDEX_FILE: index };
    try {
      await git.write(row.path, ['read-tree', 'HEAD'], env);
      await git.write(row.path, ['add', '--all', '--', '.'], env);
      const tree = await git.write(row.path, ['write-tree'], env);
      const who = ['-c', 'user.name=wtd', '-c', 'user.email=wtd@localhost'];
      const commit = await git.write(row.path, [...who, 'commit-tree', '-p', 'HEAD', '-m', reason, tree]);
      await git.write(repository.commonDir, ['update-ref', `refs/wtd/snapshots/${id}`, commit]);
      const { name, branch, base, baseCommit } = row;
      const place = { repositoryId: repository.id, worktreeId: row.id, name, branch, base, baseCommit };
      const snapshot = { id, ...place, commit, reason, createdAt: clock.now() };
      registry.change(() => {
        registry.snapshots.insert(snapshot);
        registry.worktrees.update(row.id, { snapshotId: id });
      });
      return snapshot;
    } finally {
      await rm(index, { force: true });
    }
  }
}
