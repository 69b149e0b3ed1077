import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { Disposal } from '../../base/disposal.ts';
import { faultPoint } from '../../base/fault-point.ts';
import type { UnderWay } from '../../base/under-way.ts';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import { endMarked } from '../runs/terminate.ts';
import type { Allotment } from './allotment.ts';
import { isBeingFurnished, markFurnishing, wasFilled } from './entry.ts';
import { lockReason, worktreesDirectory } from './naming.ts';
import { portsOf } from './ports.ts';
import { register, requireRegistered, type Wanted } from './register.ts';
import type { Removal } from './removal.ts';
import { makingMark, type Setup, type Work } from './setup.ts';

interface Parts {
  registry: Registry;
  git: Git;
  configuration: Configuration;
  clock: Clock;
  log: Logger;
  allotment: Allotment;
  removal: Removal;
  setup: Setup;
  underWay: UnderWay;
  /** This daemon's, which its locks of worktrees name. */
  home: string;
}

interface Making {
  row: WorktreeRow;
  wanted: Wanted;
  work: Work | null;
}

/** Makes worktrees, each with its ports, whole or not at all. */
export class Creation {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Answers the worktree once it can be worked in, or is marked because it could not be set up. An existing branch is
   * attached. Throws UNTRUSTED, BUSY when the branch is checked out elsewhere, ALREADY_EXISTS when the path is taken,
   * PORTS_EXHAUSTED, GIT_FAILED; nothing is left behind then.
   */
  async create(repository: RepositoryRow, wanted: Wanted): Promise<WorktreeRow> {
    await using undo = new Disposal();
    const { configuration, allotment, removal, setup, underWay } = this.#parts;
    // What is restored was set up before it was kept.
    const work = wanted.furnish ? null : await setup.plan(repository, wanted.environment);
    undo.defer(() => {
      removal.discarding.emptyTrashSoon(worktreesDirectory(repository, configuration.current.worktrees.directory));
    });
    const row = await allotment.allot(repository, wanted);
    undo.defer(() => this.rollBack(repository, row));
    const ready = await underWay.during(row.id, async () => {
      const filled = await this.#fill(repository, { row, wanted, work });
      return work ? setup.run(repository, filled, work) : filled;
    });
    undo.release();
    return ready;
  }

  /**
   * Makes a worktree that is there only for as long as `use` takes, whatever becomes of that. What is in it is nobody's
   * work, so that a daemon that dies meanwhile leaves it to the next one to take away.
   */
  async borrow<T>(repository: RepositoryRow, wanted: Wanted, use: (row: WorktreeRow) => Promise<T>): Promise<T> {
    const { allotment, underWay } = this.#parts;
    const { commonDir } = repository;
    const row = await allotment.allot(repository, wanted);
    return underWay.during(row.id, async () => {
      await using undo = new Disposal();
      undo.defer(() => this.rollBack(repository, row));
      await this.#register(commonDir, row, wanted);
      await markFurnishing(commonDir, row.path);
      await this.#writeFiles(commonDir, row);
      return await use(row);
    });
  }

  async #register(commonDir: string, row: WorktreeRow, { owner, isNewBranch }: Wanted): Promise<void> {
    const { git, home, registry } = this.#parts;
    const env = { [makingMark]: row.id };
    const disown = () => {
      registry.change(() => {
        registry.worktrees.update(row.id, { branchMade: false });
      });
    };
    const reason = lockReason({ kind: row.kind, name: owner ?? row.name, home });
    await git.locked(commonDir, () => register(git, commonDir, { row, isNewBranch, lockReason: reason, env, disown }));
  }

  async #writeFiles(commonDir: string, row: WorktreeRow): Promise<void> {
    const { git } = this.#parts;
    // Else git would take the checkout around it for this worktree, should its .git be gone.
    const env = { [makingMark]: row.id, GIT_CEILING_DIRECTORIES: dirname(row.path) };
    await git.writeFiles(row.path, ['reset', '--quiet', '--hard', '--no-recurse-submodules'], env);
    faultPoint('create: files written');
    await requireRegistered(git, commonDir, row);
  }

  async #fill(repository: RepositoryRow, { row, wanted, work }: Making): Promise<WorktreeRow> {
    const { registry, clock, setup } = this.#parts;
    const { commonDir } = repository;
    faultPoint('create: row written');
    await this.#register(commonDir, row, wanted);
    faultPoint('create: registered');
    await this.#writeFiles(commonDir, row);
    await wanted.furnish?.(row);
    const isUsed = wanted.state !== 'available';
    const used = isUsed ? { useCount: 1, lastUsedAt: clock.now() } : {};
    // In one step, so that nobody takes it for ready before it is set up.
    const begun = work && { setup: setup.begin(row, work) };
    const filled = { state: wanted.state ?? ('in_use' as const), ...used, ...begun };
    registry.change((tell) => {
      registry.worktrees.update(row.id, filled);
      const data = { path: row.path, branch: row.branch, ports: portsOf(row) };
      tell({ type: 'worktree.created', repository: repository.name, worktree: row.id, data });
      wanted.claim?.({ ...row, ...filled }, tell);
    });
    faultPoint('create: recorded');
    return { ...row, ...filled };
  }

  /** Takes back what `create` began, in the same life: directory, registration, an empty branch of ours, row. */
  async rollBack(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    this.#unfinish(row);
    // Nobody worked in it yet, so there is nothing to ask.
    await this.#parts.underWay.during(row.id, () => this.#takeBack(repository, row, () => Promise.resolve()));
  }

  /**
   * The same for what another life began: the row may be older than the work in it. Throws UNSAFE when that would be
   * lost; then the worktree stays, in use.
   */
  async rollBackFound(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    await this.#takeBack(repository, row, async () => {
      const { commonDir } = repository;
      if (await isBeingFurnished(commonDir, row.path)) return; // nobody but the daemon was in it
      if (await wasFilled(commonDir, row.path)) await this.#parts.removal.requireSafe(repository, row);
    });
  }

  /** What cannot be taken back now, for want of descriptors or space, is found again by the pass of a minute. */
  #unfinish({ id, path }: WorktreeRow): void {
    const { registry, log } = this.#parts;
    try {
      registry.change(() => {
        registry.worktrees.update(id, { state: 'creating' });
      });
    } catch (error) {
      log.warn({ worktree: path, err: error }, 'it could not be noted that a worktree is being taken back');
    }
  }

  async #takeBack(repository: RepositoryRow, { id }: WorktreeRow, agree: () => Promise<void>): Promise<void> {
    const { registry, removal } = this.#parts;
    // Asked first: a daemon whose registry is closed has no say any more, and the next one may be at work there.
    const row = registry.worktrees.get(id);
    if (!row) return;
    await endMarked(makingMark, row.id);
    await removal.discard(repository, row, agree);
    await this.#parts.setup.forget(row.id);
    const forgotten = registry.changeOnceWritable(() => {
      registry.worktrees.delete(row.id);
    });
    // Nobody waits for a full disk: the next daemon would do the same.
    forgotten.catch((error: unknown) => {
      this.#parts.log.warn({ worktree: row.path, err: error }, 'a worktree that was taken back is still written down');
    });
  }
}
