import { realpath } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Disposal } from '../../base/disposal.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Worktree } from '../../contract/models.ts';
import type { Git } from '../git/git.ts';
import { findMergeBase, listWorktrees } from '../git/questions.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import type { Allotment } from './allotment.ts';
import type { WorktreeFacts } from './facts.ts';
import { lockReason } from './naming.ts';
import { findForeign } from './ownership.ts';
import { alreadyOurs, noWorktreeThere, notOurs } from './refusals.ts';
import { findMainCheckout } from './safety.ts';
import type { WorktreeModels } from './worktree-models.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  git: Git;
  allotment: Allotment;
  worktreeFacts: WorktreeFacts;
  worktreeModels: WorktreeModels;
  /** This daemon's, which its locks of worktrees name. */
  home: string;
}

/** Takes worktrees over that were made without wtd, once it is proven whose they are. */
export class Adoption {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Gives it a row, ports and git's lock. Throws NOT_FOUND when git knows no worktree there, ALREADY_EXISTS when it is
   * wtd's, UNSAFE with everything that speaks against it.
   */
  async adopt({ repository, cwd }: Address, path: string): Promise<Worktree> {
    const { repositories, git, worktreeFacts, worktreeModels } = this.#parts;
    const real = await realpath(resolve('/', path)).catch(() => undefined);
    if (real === undefined) throw noWorktreeThere(path);
    const around = await repositories.resolve(repository === undefined ? { repository: real } : { repository, cwd });
    const row = await git.locked(around.commonDir, () => this.#take(around, real));
    await worktreeFacts.refresh([row], 0);
    return worktreeModels.of(row);
  }

  async #take(repository: RepositoryRow, path: string): Promise<WorktreeRow> {
    const { repositories, git, allotment, home } = this.#parts;
    const listed = await this.#requireAdoptable(repository, path);
    const name = allotment.freeName(repository, listed.branch ?? basename(path));
    repositories.keep(repository);
    await using undo = new Disposal();
    if (listed.lockReason === null) {
      const reason = lockReason({ kind: 'adopted', name, home });
      await git.write(repository.commonDir, ['worktree', 'lock', '--reason', reason, '--', path]);
      undo.defer(async () => {
        await git.ask(repository.commonDir, ['worktree', 'unlock', '--', path]);
      });
    }
    faultPoint('adopt: locked');
    const { defaultBranch: base, commonDir } = repository;
    const head = listed.head ?? '';
    const baseCommit = (base === null ? undefined : await findMergeBase(git, commonDir, [head, base])) ?? head;
    const place = {
      repositoryId: repository.id,
      name,
      path,
      branch: listed.branch,
      branchMade: false,
      base,
      baseCommit,
    };
    const row = await allotment.adopt(repository, { ...place, kind: 'adopted', state: 'in_use' });
    undo.release();
    faultPoint('adopt: recorded');
    return row;
  }

  async #requireAdoptable(repository: RepositoryRow, path: string): Promise<ListedWorktree> {
    const { registry, git, home } = this.#parts;
    const { commonDir } = repository;
    const known = registry.worktrees.byPath(path);
    if (known) throw alreadyOurs(known);
    const all = await listWorktrees(git, commonDir);
    const main = findMainCheckout(all, path);
    if (main !== null) throw notOurs(repository, [main]);
    const listed = all.find((entry) => entry.path === path);
    if (!listed) throw noWorktreeThere(path);
    const blockers = await findForeign({ commonDir, home }, listed);
    if (blockers.length > 0) throw notOurs(repository, blockers);
    if (listed.head === null || /^0+$/.test(listed.head)) throw unborn(path);
    return listed;
  }
}

const unborn = (path: string): WtdError =>
  new WtdError('INVALID_STATE', `${path} has no commits yet`, {
    hint: `make a first commit in ${path}`,
    state: 'unborn',
    allowed: ['at least one commit'],
  });
