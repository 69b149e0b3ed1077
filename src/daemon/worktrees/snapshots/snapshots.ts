import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { faultPoint } from '../../../base/fault-point.ts';
import { newId } from '../../../base/id.ts';
import { WtdError } from '../../../contract/errors.ts';
import type { Git } from '../../git/git.ts';
import { findCommit } from '../../git/questions.ts';
import type { Registry } from '../../registry/registry.ts';
import type { RepositoryRow, SnapshotRow, WorktreeRow } from '../../registry/rows.ts';
import { findEntry, isMissing, isUnlinked } from '../entry.ts';
import { seeToIt, unlinked } from '../refusals.ts';
import type { Blocker } from '../safety.ts';
import { writeSnapshot } from './commit.ts';
import { readIndexAlone, readTree, type KeptTree } from './kept-tree.ts';
import { listOwnRefs } from './operation-state.ts';
import { parseSnapshotRecord, rowOf, type SnapshotRecord } from './record.ts';
import { unkeepable } from './unkeepable.ts';
import { openWorkplace, type Workplace } from './workplace.ts';

interface Parts {
  registry: Registry;
  git: Git;
  clock: Clock;
  /** Of this daemon; another one may have snapshots in the same repository. */
  home: string;
}

interface Look {
  place: Workplace;
  hasTree: boolean;
  head: string;
  branch: string | null;
  tree: KeptTree;
}

const nothing = { status: [], special: [], unpushed: [], nested: [] };

const mostTries = 3;

const room = 'refs/wtd/snapshots';

/** Keeps whole states of worktrees as commits of their repository. */
export class Snapshots {
  readonly #parts: Parts;
  /** Being made: their ref may be there before their row is. */
  readonly #underWay = new Set<string>();
  /** Refs that another home made, or that cannot be read. */
  readonly #foreign = new Set<string>();
  /** Of what an earlier daemon left where snapshots are put together. */
  #emptied: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Keeps what is committed, staged, unstaged and untracked in a worktree, and an operation in progress, without touching
   * any of it. Throws UNSAFE when a part of it cannot be kept; then nothing has changed. It takes no lock.
   */
  async take(repository: RepositoryRow, row: WorktreeRow, reason: string): Promise<SnapshotRow> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#take(repository, row, reason);
      } catch (error) {
        // Somebody at work there took a file away between the look at it and the reading, or a gc took an object.
        if (tries === mostTries || !(error instanceof WtdError) || error.code !== 'GIT_FAILED') throw error;
      }
    }
  }

  async #take(repository: RepositoryRow, row: WorktreeRow, reason: string): Promise<SnapshotRow> {
    const { registry, git } = this.#parts;
    return this.#withScratch(async (scratch) => {
      const look = await this.#look(repository, row, scratch);
      if (Array.isArray(look)) throw refusal(row, look);
      const blockers = blockersOf(row, look);
      if (blockers.length > 0) throw refusal(row, blockers);
      const record = await this.#describe(row, { look, reason });
      this.#underWay.add(record.id);
      try {
        const commit = await writeSnapshot(git, { ...look, record, scratch });
        const none = '0'.repeat(commit.length);
        // Its name is nobody else's, so it needs no lock either.
        await git.write(repository.commonDir, ['update-ref', `${room}/${record.id}`, commit, none]);
        await this.#requireWhole(repository, { id: record.id, commit });
        faultPoint('snapshot: ref written');
        const snapshot = rowOf(record, { repositoryId: repository.id, commit });
        registry.change((tell) => {
          registry.snapshots.insert(snapshot);
          registry.worktrees.update(row.id, { snapshotId: snapshot.id });
          const data = { snapshot: snapshot.id, name: row.name, reason };
          tell({ type: 'worktree.snapshot', repository: repository.name, worktree: row.id, data });
        });
        faultPoint('snapshot: row written');
        return snapshot;
      } finally {
        this.#underWay.delete(record.id);
      }
    });
  }

  /** Until the ref was there, `git gc --prune=now` took the objects for rubbish. */
  async #requireWhole({ commonDir }: RepositoryRow, { id, commit }: { id: string; commit: string }): Promise<void> {
    const { git } = this.#parts;
    if (await this.isWhole(commonDir, commit)) return;
    await git.ask(commonDir, ['update-ref', '-d', `${room}/${id}`]);
    throw new WtdError('GIT_FAILED', 'a gc of git took away what was just written for a snapshot', {
      hint: 'try again when no `git gc --prune=now` runs',
    });
  }

  /** Whether all that a snapshot has beside the commit of HEAD is there. */
  async isWhole(commonDir: string, commit: string): Promise<boolean> {
    const args = ['rev-list', '--objects', '--quiet', commit, '--not', `${commit}^1`];
    return (await this.#parts.git.ask(commonDir, args)).exitCode === 0;
  }

  /** What would keep `take` from its work; nothing is written. */
  async blockersOf(repository: RepositoryRow, row: WorktreeRow): Promise<Blocker[]> {
    return this.#withScratch(async (scratch) => {
      const look = await this.#look(repository, row, scratch);
      return Array.isArray(look) ? look : blockersOf(row, look);
    });
  }

  /** Whether there is work that `git status` says nothing of. Throws UNSAFE when it cannot be kept. */
  async isHiding(repository: RepositoryRow, row: WorktreeRow): Promise<boolean> {
    return this.#withScratch(async (scratch) => {
      const look = await this.#look(repository, row, scratch);
      const blockers = Array.isArray(look) ? look : blockersOf(row, look);
      if (blockers.length > 0) throw refusal(row, blockers);
      return !Array.isArray(look) && look.tree.isHiding;
    });
  }

  /** The newest first; of all repositories without one. */
  async list(repository?: RepositoryRow): Promise<SnapshotRow[]> {
    const { registry } = this.#parts;
    for (const each of repository ? [repository] : registry.repositories.list()) await this.#catchUp(each);
    return repository ? registry.snapshots.of(repository.id) : registry.snapshots.list();
  }

  /** Throws NOT_FOUND. */
  async require(id: string): Promise<{ repository: RepositoryRow; row: SnapshotRow; record: SnapshotRecord }> {
    const { registry, git } = this.#parts;
    const row = registry.snapshots.get(id) ?? (await this.list()).find((each) => each.id === id);
    const repository = row && registry.repositories.get(row.repositoryId);
    if (!repository || (await findCommit(git, repository.commonDir, `${room}/${id}`)) === undefined)
      throw noSnapshot(id);
    const record = parseSnapshotRecord(
      await git.read(repository.commonDir, ['cat-file', 'blob', `${row.commit}:meta.json`]),
    );
    if (record) return { repository, row, record };
    throw new WtdError('INVALID_STATE', `the snapshot ${id} was not made by this version of wtd`, {
      hint: `look into it with \`git show ${room}/${id}\`, or use the version that made it`,
      state: 'unreadable',
      allowed: ['snapshots of version 1'],
    });
  }

  /** Snapshots made before a time go, with what only they held once git's gc comes by. */
  async forgetOld(beforeMs: number): Promise<void> {
    const { registry, git } = this.#parts;
    await this.list();
    for (const { id, repositoryId } of registry.snapshots.madeBefore(beforeMs)) {
      const commonDir = registry.repositories.get(repositoryId)?.commonDir;
      if (commonDir !== undefined && !(await isMissing(commonDir))) {
        await git.locked(commonDir, () => git.write(commonDir, ['update-ref', '-d', `${room}/${id}`]));
      }
      registry.change(() => {
        registry.snapshots.delete(id);
      });
    }
  }

  async #look(repository: RepositoryRow, row: WorktreeRow, scratch: string): Promise<Look | Blocker[]> {
    const { git } = this.#parts;
    const gitDir = await findEntry(repository.commonDir, row.path).catch(() => undefined);
    const hasTree = !(await isMissing(row.path));
    if (gitDir === undefined || (hasTree && (await isUnlinked(row.path)))) return [unlinked(row.path)];
    const path = hasTree ? row.path : join(scratch, 'nothing');
    if (!hasTree) await mkdir(path);
    const place = await openWorkplace(git, { path, gitDir }, scratch);
    const head = await findCommit(git, gitDir, 'HEAD');
    if (head === undefined) return unkeepable({ ...nothing, path: row.path, head });
    const [branch, tree] = await Promise.all([
      git.ask(gitDir, ['symbolic-ref', '--quiet', 'HEAD']),
      hasTree ? readTree(git, place) : readIndexAlone(git, place),
    ]);
    return { place, hasTree, head, branch: branch.stdout.replace(/^refs\/heads\//, '') || null, tree };
  }

  async #describe(
    row: WorktreeRow,
    { look: { place, hasTree, head, branch, tree }, reason }: { look: Look; reason: string },
  ): Promise<SnapshotRecord> {
    const { git, clock, home } = this.#parts;
    return {
      version: 1,
      id: newId(),
      home,
      worktree: row.id,
      name: row.name,
      branch,
      head,
      base: row.base,
      baseCommit: row.baseCommit,
      branchMade: row.branchMade,
      task: row.task,
      reason,
      createdAt: clock.now(),
      hasIndex: place.index !== null,
      hasTree,
      absent: tree.absent,
      refs: await listOwnRefs(git, place),
    };
  }

  /** Git tells which snapshots there are: a ref without a row gets one again, a row without a ref goes. */
  async #catchUp(repository: RepositoryRow): Promise<void> {
    const { registry, git } = this.#parts;
    if (await isMissing(repository.commonDir)) return;
    const known = registry.snapshots.of(repository.id);
    const format = '--format=%(refname:lstrip=3) %(objectname)';
    const lines = (await git.read(repository.commonDir, ['for-each-ref', format, room])).split('\n');
    const commits = new Map(lines.filter((line) => line !== '').map((line) => line.split(' ') as [string, string]));
    for (const { id } of known.filter((row) => !commits.has(row.id))) {
      registry.change(() => {
        registry.snapshots.delete(id);
      });
    }
    const isNew = (id: string) =>
      !registry.snapshots.get(id) && !this.#underWay.has(id) && !this.#foreign.has(`${repository.id} ${id}`);
    for (const [id, commit] of commits) if (isNew(id)) await this.#takeUp(repository, { id, commit });
  }

  async #takeUp(repository: RepositoryRow, { id, commit }: { id: string; commit: string }): Promise<void> {
    const { registry, git, home } = this.#parts;
    const { stdout } = await git.ask(repository.commonDir, ['cat-file', 'blob', `${commit}:meta.json`]);
    const record = parseSnapshotRecord(stdout);
    if (record?.id !== id || record.home !== home) {
      this.#foreign.add(`${repository.id} ${id}`);
      return;
    }
    const worktreeId = registry.worktrees.get(record.worktree)?.id ?? null;
    if (registry.snapshots.get(id)) return;
    registry.change(() => {
      registry.snapshots.insert({ ...rowOf(record, { repositoryId: repository.id, commit }), worktreeId });
    });
  }

  /** A private directory, removed whatever happens. */
  async #withScratch<T>(task: (scratch: string) => Promise<T>): Promise<T> {
    const directory = join(this.#parts.home, 'scratch');
    this.#emptied ??= rm(directory, { recursive: true, force: true });
    await this.#emptied;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const scratch = await mkdtemp(join(directory, 'snapshot-'));
    try {
      return await task(scratch);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
}

const blockersOf = ({ path }: WorktreeRow, { head, tree }: Look): Blocker[] => unkeepable({ ...tree, path, head });

const refusal = ({ path }: WorktreeRow, blockers: Blocker[]): WtdError =>
  new WtdError('UNSAFE', `no snapshot can hold all of ${path}: ${blockers.map(({ message }) => message).join('; ')}`, {
    hint: seeToIt,
    blockers,
  });

const noSnapshot = (id: string): WtdError =>
  new WtdError('NOT_FOUND', `there is no snapshot ${id}`, {
    hint: 'see `wtd worktree snapshots`; they are kept as long as `snapshots.keep` says',
    kind: 'snapshot',
    name: id,
  });
