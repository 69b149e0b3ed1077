import pLimit from 'p-limit';
import { faultPoint } from '../../base/fault-point.ts';
import { newId } from '../../base/id.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import { internal, WtdError } from '../../contract/errors.ts';
import { findFullDisk } from '../../contract/full-disk.ts';
import type { Result } from '../../contract/index.ts';
import type { Worktree } from '../../contract/models.ts';
import { isBranch } from '../../contract/parameters.ts';
import type { Git } from '../git/git.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import { branchTips, listWorktrees } from '../git/questions.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import type { RepositorySettings } from '../repositories/settings.ts';
import { locateWorktree, type WorktreeAddress } from './address.ts';
import { requireBase } from './base.ts';
import type { Creation } from './creation.ts';
import type { WorktreeFacts } from './facts.ts';
import { branchExists, branchTaken, givenTwice, invalidBranch } from './refusals.ts';
import type { Removal } from './removal.ts';
import { toSnapshot } from './snapshots/model.ts';
import { activeRunIn } from './users.ts';
import type { WorktreeModels } from './worktree-models.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  settings: RepositorySettings;
  git: Git;
  log: Logger;
  creation: Creation;
  removal: Removal;
  worktreeFacts: WorktreeFacts;
  worktreeModels: WorktreeModels;
}

interface CreateWish {
  branches: string[];
  base?: string | undefined;
  task?: string | undefined;
  existing?: 'attach' | 'error' | undefined;
}

interface Changes {
  task?: string | null | undefined;
  pr?: number | { number: number; url?: string | null | undefined } | null | undefined;
  declared?: Worktree['declared'] | undefined;
}

type Failure = Result<'worktree.create'>['failed'][number];

/** What is asked once for all branches of a wish, because each git that is started costs as much as a step of the work. */
interface Look {
  tips: ReadonlyMap<string, string>;
  listed: readonly ListedWorktree[];
  /** What the repository says that new branches start from; null: nothing. */
  own: string | null;
  /** Undefined: no branch is new, and none was named. */
  start: ReturnType<typeof requireBase> | undefined;
}

/** Git keeps each part as a file, with `.lock` behind it while that changes. */
const longestPart = 250;
/** More would only wait for each other. */
const mostCreatedAtOnce = 8;

/** The worktrees that people ask for by themselves, and what is changed about any of them. */
export class Worktrees {
  readonly #parts: Parts;
  readonly #limit = pLimit(mostCreatedAtOnce);
  /** Two who take the same worktree away wait for each other. */
  readonly #turns = new KeyedMutex();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Each branch alone: what fails for one keeps no other from its worktree. */
  async create(address: Address, wish: CreateWish): Promise<Result<'worktree.create'>> {
    const repository = await this.#parts.repositories.resolve(address);
    const names = wish.branches.filter(isKeepable);
    let look: Promise<Look> | undefined;
    const outcomes = await Promise.all(
      wish.branches.map((branch, index) =>
        this.#limit(async (): Promise<Worktree | Failure> => {
          try {
            if (wish.branches.indexOf(branch) !== index) throw givenTwice(branch);
            if (!isKeepable(branch)) throw invalidBranch(branch);
            look ??= this.#look(repository, { ...wish, branches: names });
            return await this.#createOne(repository, { ...wish, branch }, await look);
          } catch (error) {
            return this.#failure(branch, error);
          }
        }),
      ),
    );
    const isFailure = (outcome: Worktree | Failure): outcome is Failure => 'error' in outcome;
    return {
      created: outcomes.filter((outcome): outcome is Worktree => !isFailure(outcome)),
      failed: outcomes.filter(isFailure),
    };
  }

  /** Notes what people say about a worktree. It does not by itself allow that anything is lost. */
  async update(address: WorktreeAddress, { task, pr, declared }: Changes): Promise<Worktree> {
    const { registry, worktreeModels, worktreeFacts } = this.#parts;
    const { row, repository } = await locateWorktree(this.#parts, address);
    const known = typeof pr === 'number' ? { number: pr, url: null } : pr && { number: pr.number, url: pr.url ?? null };
    const changes = {
      ...(task !== undefined && { task }),
      ...(known !== undefined && { pr: known }),
      ...(declared !== undefined && { declared }),
    };
    if (Object.keys(changes).length > 0) {
      registry.change((tell) => {
        registry.worktrees.update(row.id, changes);
        tell({ type: 'worktree.updated', repository: repository.name, worktree: row.id, data: changes });
      });
    }
    if (declared !== undefined) worktreeFacts.forget(row.id);
    const now = registry.worktrees.get(row.id) ?? row;
    await worktreeFacts.refresh([now], 0);
    return worktreeModels.of(now);
  }

  /** Throws UNSAFE with everything that would be lost, unless it is forced. */
  async remove(
    address: WorktreeAddress,
    wish: { force?: boolean | undefined; deleteBranch?: boolean | undefined; dryRun?: boolean | undefined },
  ): Promise<Result<'worktree.remove'>> {
    const { registry, removal } = this.#parts;
    const { id } = (await locateWorktree(this.#parts, address)).row;
    return this.#turns.run(id, async () => {
      // Asked again: somebody may have taken it away while this one waited.
      const { row, repository } = await locateWorktree(this.#parts, { ...address, worktree: id });
      const activeRun = activeRunIn(registry, row)?.id ?? null;
      const { snapshot, ...removed } = await removal.remove(repository, row, { ...wish, activeRun });
      return { ...removed, snapshot: snapshot && toSnapshot(snapshot, repository.name) };
    });
  }

  async #look(repository: RepositoryRow, { branches, base }: CreateWish): Promise<Look> {
    const { git, settings } = this.#parts;
    const { commonDir } = repository;
    const [tips, listed, { worktrees }] = await Promise.all([
      branchTips(git, commonDir, branches),
      listWorktrees(git, commonDir),
      settings.of(repository),
    ]);
    const own = worktrees.base;
    // A branch that is there needs no base; one that was named must exist all the same.
    const isBaseNeeded = base !== undefined || branches.some((branch) => !tips.has(branch));
    const start = isBaseNeeded ? requireBase(git, repository, base ?? own) : undefined;
    start?.catch(() => undefined); // each branch that needs it says so
    return { tips, listed, own, start };
  }

  async #createOne(
    repository: RepositoryRow,
    { branch, base, task, existing = 'attach' }: CreateWish & { branch: string },
    { tips, listed, own, start }: Look,
  ): Promise<Worktree> {
    const { repositories, creation, worktreeModels } = this.#parts;
    const tip = tips.get(branch);
    if (tip !== undefined && existing === 'error') throw branchExists(branch);
    const found = tip === undefined || base !== undefined ? await start : undefined;
    const holder = tip === undefined && listed.find((each) => each.branch === branch);
    if (holder) throw branchTaken(branch, holder.path);
    repositories.keep(repository);
    faultPoint('make: repository written');
    const row = await creation.create(repository, {
      branch,
      isNewBranch: tip === undefined,
      base: found?.base ?? own ?? repository.defaultBranch,
      baseCommit: found?.commit ?? tip ?? '',
      kind: 'named',
      task,
    });
    return worktreeModels.of(row);
  }

  #failure(branch: string, error: unknown): Failure {
    const { registry } = this.#parts;
    const known = error instanceof WtdError ? error : findFullDisk(error, registry.repositories.list()[0]?.path ?? '/');
    const { code, message, data } = known ?? this.#defect(branch, error);
    return { branch, error: { code, message, hint: data.hint } };
  }

  #defect(branch: string, error: unknown): WtdError {
    const id = newId();
    this.#parts.log.error({ id, branch, err: error }, 'a worktree could not be made');
    return internal(id);
  }
}

/** Whether git takes it as a branch, and files can be called so. Pure. */
const isKeepable = (branch: string): boolean =>
  isBranch(branch) && branch.split('/').every((part) => Buffer.byteLength(part) <= longestPart);
