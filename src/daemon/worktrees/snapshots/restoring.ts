import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { faultPoint } from '../../../base/fault-point.ts';
import { WtdError } from '../../../contract/errors.ts';
import type { Git } from '../../git/git.ts';
import { parseTreeEntries, type TreeEntry } from '../../git/porcelain.ts';
import { findCommit, listWorktrees } from '../../git/questions.ts';
import type { Registry } from '../../registry/registry.ts';
import type { RepositoryRow, SnapshotRow, WorktreeRow } from '../../registry/rows.ts';
import type { Creation } from '../creation.ts';
import { findEntry, markFurnishing } from '../entry.ts';
import { isStateFile } from './operation-state.ts';
import type { SnapshotRecord } from './record.ts';
import { restoreTree } from './restored-tree.ts';
import type { Snapshots } from './snapshots.ts';

interface Parts {
  registry: Registry;
  git: Git;
  creation: Creation;
  snapshots: Snapshots;
}

interface Wish {
  repository: RepositoryRow;
  row: SnapshotRow;
  record: SnapshotRecord;
  name: string | undefined;
}

/** Makes worktrees from snapshots, whole or not at all; the snapshot stays. */
export class Restoring {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Brings back branch, index, tree, untracked files and an operation in progress. With a name, the worktree and a new
   * branch are called that. Throws NOT_FOUND, BUSY when the branch is checked out elsewhere, ALREADY_EXISTS when it has
   * moved on or the name is taken, and what making a worktree throws.
   */
  async restore({ snapshot, name }: { snapshot: string; name?: string | undefined }): Promise<WorktreeRow> {
    const { registry, creation, snapshots } = this.#parts;
    const wish: Wish = { ...(await snapshots.require(snapshot)), name };
    const { repository, record } = wish;
    const branch = record.branch === null ? null : (name ?? record.branch);
    await this.#requireFree(wish, branch);
    const made = await creation.create(repository, {
      name: name ?? record.name,
      branch,
      base: record.base,
      baseCommit: record.head,
      kind: 'named',
      task: record.task ?? undefined,
      furnish: (row) => this.#furnish(wish, row),
      claim: ({ id }) => {
        // Until here the branch counted as empty, so that it would have been taken back.
        const branchMade = branch !== null && (record.branchMade || branch !== record.branch);
        registry.worktrees.update(id, { baseCommit: record.baseCommit, branchMade });
      },
    });
    registry.change((tell) => {
      const data = { snapshot, path: made.path, branch };
      tell({ type: 'worktree.restored', repository: repository.name, worktree: made.id, data });
    });
    faultPoint('restore: recorded');
    return registry.worktrees.get(made.id) ?? made;
  }

  async #requireFree({ repository, record, name }: Wish, branch: string | null): Promise<void> {
    const { registry, git } = this.#parts;
    if (name !== undefined && registry.worktrees.byName(repository.id, name)) throw taken('worktree', name);
    if (branch === null) return;
    const tip = await findCommit(git, repository.commonDir, `refs/heads/${branch}`);
    if (tip === undefined) return;
    if (name !== undefined) throw taken('branch', branch);
    const holder = (await listWorktrees(git, repository.commonDir)).find((listed) => listed.branch === branch);
    if (holder) throw held(branch, holder.path);
    if (tip !== record.head) throw movedOn(branch);
  }

  /** Everything that the checkout of the commit, which is there by now, does not give. */
  async #furnish({ repository, row: snapshot, record }: Wish, row: WorktreeRow): Promise<void> {
    const { git } = this.#parts;
    if ((await findCommit(git, row.path, 'HEAD')) !== record.head) throw movedOn(row.branch ?? '');
    const gitDir = await findEntry(repository.commonDir, row.path);
    if (gitDir === undefined) throw new Error(`git does not know the worktree ${row.path}`);
    const mark = await markFurnishing(repository.commonDir, row.path);
    faultPoint('restore: begun');
    const entries = await this.#listEntries(repository, snapshot);
    await restoreTree(git, row.path, { absent: record.absent, files: below('worktree/', entries) });
    faultPoint('restore: files written');
    await this.#restoreState({ row, gitDir, record }, below('gitdir/', entries));
    await this.#restoreIndex({ row, gitDir }, entries.find(({ path }) => path === 'index')?.id);
    if (!record.hasTree) await git.ask(row.path, ['checkout-index', '--all', '--force', '--quiet']);
    faultPoint('restore: index written');
    await rm(mark);
  }

  async #listEntries({ commonDir }: RepositoryRow, { commit }: SnapshotRow): Promise<TreeEntry[]> {
    const args = ['ls-tree', '-r', '-z', '--full-tree', commit];
    return parseTreeEntries(await this.#parts.git.bytes(commonDir, args, { env: {} }));
  }

  async #restoreState(
    { row, gitDir, record }: { row: WorktreeRow; gitDir: string; record: SnapshotRecord },
    files: readonly TreeEntry[],
  ): Promise<void> {
    const { git } = this.#parts;
    for (const { path, id } of files) {
      if (!isStateFile(path)) throw new Error(`a snapshot has ${path}, which is no part of a git directory`);
      await mkdir(dirname(join(gitDir, path)), { recursive: true });
      await this.#writeBlob(row.path, { id, file: join(gitDir, path) });
    }
    if (record.refs.length === 0) return;
    const input = record.refs.map(({ name, id }) => `update ${name} ${id}\n`).join('');
    await git.bytes(row.path, ['update-ref', '--stdin'], { input, env: {} });
  }

  async #restoreIndex({ row, gitDir }: { row: WorktreeRow; gitDir: string }, id: string | undefined): Promise<void> {
    const index = join(gitDir, 'index');
    if (id === undefined) {
      await rm(index, { force: true });
      return;
    }
    await this.#writeBlob(row.path, { id, file: `${index}.new` });
    await rename(`${index}.new`, index);
    // Only for the times of files that are as the index says; what differs is told by the exit code.
    await this.#parts.git.ask(row.path, ['update-index', '-q', '--refresh']);
  }

  async #writeBlob(directory: string, { id, file }: { id: string; file: string }): Promise<void> {
    await this.#parts.git.eachBlob(directory, [id], async (_, content) => {
      await pipeline(content, createWriteStream(file));
    });
  }
}

const below = (directory: string, entries: readonly TreeEntry[]): TreeEntry[] =>
  entries
    .filter(({ path }) => path.startsWith(directory))
    .map((entry) => ({ ...entry, path: entry.path.slice(directory.length) }));

const byName = 'give the worktree and a branch of its own another name with --name';

const taken = (kind: 'worktree' | 'branch', name: string): WtdError =>
  new WtdError('ALREADY_EXISTS', `a ${kind} ${name} is already there`, {
    hint: 'choose another name with --name',
    kind,
    name,
  });

const held = (branch: string, holder: string): WtdError =>
  new WtdError('BUSY', `the branch ${branch} is checked out in ${holder}`, { hint: byName, holder });

const movedOn = (branch: string): WtdError =>
  new WtdError('ALREADY_EXISTS', `the branch ${branch} has moved on since the snapshot was made`, {
    hint: byName,
    kind: 'branch',
    name: branch,
  });
