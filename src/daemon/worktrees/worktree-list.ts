import { isAbsolute } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worktree } from '../../contract/models.ts';
import type { Git } from '../git/git.ts';
import { listWorktrees } from '../git/questions.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import { locateWorktree, type WorktreeAddress } from './address.ts';
import type { WorktreeFacts } from './facts.ts';
import { unownedRow } from './unowned.ts';
import type { WorktreeModels } from './worktree-models.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  git: Git;
  worktreeFacts: WorktreeFacts;
  worktreeModels: WorktreeModels;
}

/** What git says may be this old. */
const factsMaxAgeMs = 1000;
/** Nobody waits longer for a list; what came too late is in the next one. */
const listPatienceMs = 2000;

/** The worktrees as people see them: wtd's own, and those that only git knows. */
export class WorktreeList {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Of one repository, or of all; `all`: also those that are removed. */
  async list({ all = false, ...address }: Address & { all?: boolean | undefined }): Promise<Worktree[]> {
    const { registry, repositories, worktreeFacts, worktreeModels } = this.#parts;
    const one = await repositories.findForList(address);
    const meant = one ? [one] : registry.repositories.list();
    const groups = await Promise.all(
      meant.map(async (repository) => ({
        owned: this.#rowsOf(repository, all),
        foreign: await this.#unowned(repository),
      })),
    );
    const live = groups
      .flatMap(({ owned, foreign }) => [...owned, ...foreign])
      .filter(({ state }) => state !== 'removed');
    const asked = worktreeFacts.refresh(live, factsMaxAgeMs);
    await Promise.race([asked, sleep(listPatienceMs, undefined, { ref: false })]);
    return groups.flatMap(({ owned, foreign }) => [
      ...owned.map((row) => worktreeModels.of(row)),
      ...foreign.map((row) => worktreeModels.ofUnowned(row)),
    ]);
  }

  async show(address: WorktreeAddress): Promise<Worktree> {
    const { worktreeFacts, worktreeModels } = this.#parts;
    const foreign = await this.#findUnowned(address);
    if (foreign) {
      await worktreeFacts.refresh([foreign], factsMaxAgeMs);
      return worktreeModels.ofUnowned(foreign);
    }
    const { row } = await locateWorktree(this.#parts, address);
    await worktreeFacts.refresh([row], factsMaxAgeMs);
    return worktreeModels.of(row);
  }

  /** By its path, which is the id that the list shows. */
  async #findUnowned({ worktree }: WorktreeAddress): Promise<WorktreeRow | undefined> {
    const { registry, repositories } = this.#parts;
    if (!isAbsolute(worktree) || registry.worktrees.byPath(worktree)) return undefined;
    const around = await repositories.findForList({ cwd: worktree });
    return around && (await this.#unowned(around)).find(({ path }) => path === worktree);
  }

  #rowsOf({ id }: RepositoryRow, all: boolean): WorktreeRow[] {
    const { worktrees } = this.#parts.registry;
    if (!all) return worktrees.liveOf(id);
    return worktrees.everyone().filter(({ repositoryId }) => repositoryId === id);
  }

  /** The main worktree is not one of them, nor what is just being made or taken away. */
  async #unowned(repository: RepositoryRow): Promise<WorktreeRow[]> {
    const { registry, git } = this.#parts;
    const listed = await listWorktrees(git, repository.commonDir).catch(() => []);
    const foreign = listed.slice(1).filter(({ path }) => registry.worktrees.byPath(path) === undefined);
    return Promise.all(foreign.map((entry) => unownedRow(repository, entry)));
  }
}
