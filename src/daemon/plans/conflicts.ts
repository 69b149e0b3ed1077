import { isoTime, type Clock } from '../../base/clock.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import type { ConflictPair } from '../../contract/conflict.ts';
import type { Result } from '../../contract/index.ts';
import type { Git } from '../git/git.ts';
import { TrialObjects, type Pair } from '../git/trial-merges.ts';
import type { Logger } from '../log.ts';
import type { Paths } from '../paths.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import type { WorktreeFacts } from '../worktrees/facts.ts';
import type { Collisions } from './collisions.ts';
import { findContenders, type Contender } from './contenders.ts';
import type { PlanFactsReader } from './plan-facts.ts';
import { TrialResults } from './trial-results.ts';
import { commitUncommitted } from './uncommitted-work.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  worktreeFacts: WorktreeFacts;
  facts: PlanFactsReader;
  collisions: Collisions;
  git: Git;
  paths: Paths;
  clock: Clock;
  log: Logger;
}

type Matrix = Result<'conflict.matrix'>;

/** A plan in the matrix; its tip may be a commit of what is not committed. */
interface Entry extends Contender {
  /** Null: there may be such work, but it could not be read. */
  uncommitted: boolean | null;
}

interface Picture {
  entries: Entry[];
  pairs: { pair: ConflictPair; plans: readonly [PlanRow, PlanRow] }[];
  withBase: ConflictPair[];
}

/** Tells which plans would collide, by merging them in memory. */
export class Conflicts {
  readonly #parts: Parts;
  readonly #results: TrialResults;
  /** So that what was asked for later is never overtaken by what is older. */
  readonly #turns = new KeyedMutex();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#results = new TrialResults({ git: parts.git, trials: parts.paths.trials });
  }

  async matrix(address: Address, { uncommitted = false }: { uncommitted?: boolean | undefined }): Promise<Matrix> {
    const start = performance.now();
    const repository = await this.#parts.repositories.require(address);
    const picture = await (uncommitted ? this.#withUncommitted(repository) : this.refresh(repository));
    return {
      branches: picture.entries.map(({ plan }) => plan.branch),
      plans: picture.entries.map(({ plan: { name, branch }, base, uncommitted: counted }) => ({
        name,
        branch,
        base,
        uncommitted: counted,
      })),
      pairs: picture.pairs.map(({ pair }) => pair),
      withBase: picture.withBase,
      generatedAt: isoTime(this.#parts.clock.now()),
      durationMs: Math.round((performance.now() - start) * 10) / 10,
    };
  }

  /** What is committed, which also says which plans collide. */
  async refresh(repository: RepositoryRow): Promise<Picture> {
    return this.#turns.run(repository.id, async () => {
      const contenders = await findContenders(this.#parts, repository);
      const picture = await this.#compare(
        repository,
        contenders.map((contender) => ({ ...contender, uncommitted: false })),
      );
      const colliding = picture.pairs.filter(({ pair }) => pair.conflicts);
      this.#parts.collisions.take(
        repository,
        colliding.map(({ pair, plans }) => ({ plans, files: pair.files, severity: pair.severity })),
      );
      return picture;
    });
  }

  async #withUncommitted(repository: RepositoryRow): Promise<Picture> {
    const { paths } = this.#parts;
    return this.#turns.run(`${repository.id} uncommitted`, async () => {
      await using objects = await TrialObjects.open(paths.trials, repository.commonDir);
      const entries = await this.#entriesWithUncommitted(repository, objects);
      return await this.#compare(repository, entries, objects);
    });
  }

  /** Also of plans that have no commit of their own yet. */
  async #entriesWithUncommitted(repository: RepositoryRow, objects: TrialObjects): Promise<Entry[]> {
    const { registry, facts, worktreeFacts } = this.#parts;
    const plans = registry.plans.of(repository.id);
    await facts.refresh(plans, 0);
    const contenders = await findContenders(this.#parts, repository);
    const found = await Promise.all(
      plans.map(async (plan): Promise<Entry[]> => {
        const contender = contenders.find((each) => each.plan.id === plan.id);
        const { dirty, merged, missing } = facts.of(plan.id);
        const isOpen = contender !== undefined || (merged !== true && plan.outcome?.kind !== 'abandoned');
        const base = plan.base ?? repository.defaultBranch;
        if (!isOpen || base === null) return [];
        const uncommitted = dirty === null && this.#worktreeOf(plan) && !missing ? null : false;
        if (dirty !== true) return contender ? [{ ...contender, uncommitted }] : [];
        const comparison = await worktreeFacts.comparisons.compare(repository, plan);
        if (comparison === undefined) return [];
        const tip = await this.#commitUncommitted(plan, objects);
        const standing = { plan, base, baseTip: comparison.base };
        if (tip !== undefined) return [{ ...standing, tip, uncommitted: true }];
        return [{ ...standing, tip: comparison.tip, uncommitted: null }];
      }),
    );
    return found.flat();
  }

  async #commitUncommitted(plan: PlanRow, objects: TrialObjects): Promise<string | undefined> {
    const { git, paths, log } = this.#parts;
    const worktree = this.#worktreeOf(plan);
    if (!worktree) return undefined;
    try {
      return await commitUncommitted(git, worktree.path, { objects, trials: paths.trials });
    } catch (error) {
      log.warn({ worktree: worktree.path, err: error }, 'what is not committed there could not be read');
      return undefined;
    }
  }

  #worktreeOf({ worktreeId }: PlanRow): WorktreeRow | undefined {
    const row = worktreeId === null ? undefined : this.#parts.registry.worktrees.get(worktreeId);
    return row?.state === 'removed' ? undefined : row;
  }

  async #compare(repository: RepositoryRow, entries: Entry[], objects?: TrialObjects): Promise<Picture> {
    const couples = entries.flatMap((a, at) => entries.slice(at + 1).map((b) => [a, b] as const));
    const tips = [
      ...couples.map(([a, b]): Pair => [a.tip, b.tip]),
      ...entries.map(({ tip, baseTip }): Pair => [tip, baseTip]),
    ];
    const results = await this.#results.of(repository.commonDir, tips, objects);
    const ofCouples = results.slice(0, couples.length);
    const ofBases = results.slice(couples.length);
    return {
      entries,
      pairs: couples.flatMap(([a, b], at) => {
        const result = ofCouples[at];
        return result
          ? [{ pair: { a: a.plan.branch, b: b.plan.branch, ...result }, plans: [a.plan, b.plan] as const }]
          : [];
      }),
      withBase: entries.flatMap(({ plan, base }, at) => {
        const result = ofBases[at];
        return result ? [{ a: plan.branch, b: base, ...result }] : [];
      }),
    };
  }
}
