import { isoTime, type Clock } from '../../../base/clock.ts';
import { KeyedMutex } from '../../../base/mutex.ts';
import type { ConflictPair } from '../../../contract/conflict.ts';
import type { Result } from '../../../contract/index.ts';
import type { Git } from '../../git/git.ts';
import { TrialObjects, type Pair } from '../../git/trial-merges.ts';
import type { Logger } from '../../log.ts';
import type { Paths } from '../../paths.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import type { Address, Repositories } from '../../repositories/repositories.ts';
import type { WorktreeFacts } from '../../worktrees/facts.ts';
import type { Collisions } from './collisions.ts';
import type { Assessment } from './conflict-assessment.ts';
import { findCandidates, type Contender } from './contenders.ts';
import type { PlanFactsReader } from '../plan-facts.ts';
import { TrialResults } from './trial-results.ts';
import { commitUncommitted } from './uncommitted-work.ts';
import { worktreeOf } from '../plan-worktree.ts';

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
      const candidates = await findCandidates(this.#parts, repository);
      const entries = candidates.map((candidate) => ({ ...candidate, uncommitted: false }));
      const picture = await this.#compare(repository, entries);
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
    const { registry, facts } = this.#parts;
    const candidates = await findCandidates(this.#parts, repository);
    const plans = candidates.map(({ plan }) => plan);
    await facts.refresh(plans, 0);
    return Promise.all(
      candidates.map(async (candidate): Promise<Entry> => {
        const { dirty, merged, missing } = facts.of(candidate.plan.id);
        const worktree = worktreeOf(registry, candidate.plan);
        // What lies in the worktree of a plan that has come home is no work of that plan.
        if (!worktree || missing || merged === true || dirty === false) return { ...candidate, uncommitted: false };
        const tip = dirty === null ? undefined : await this.#commitUncommitted(worktree, objects);
        return tip === undefined ? { ...candidate, uncommitted: null } : { ...candidate, tip, uncommitted: true };
      }),
    );
  }

  async #commitUncommitted(worktree: WorktreeRow, objects: TrialObjects): Promise<string | undefined> {
    const { git, paths, log } = this.#parts;
    try {
      return await commitUncommitted(git, worktree.path, { objects, trials: paths.trials });
    } catch (error) {
      log.warn({ worktree: worktree.path, err: error }, 'what is not committed there could not be read');
      return undefined;
    }
  }

  /** Those that have something which their base lacks, each with it and with each other. */
  async #compare(repository: RepositoryRow, candidates: Entry[], objects?: TrialObjects): Promise<Picture> {
    const { commonDir } = repository;
    const ofBases = await this.#results.of(commonDir, candidates.map(toBase), objects);
    const found = candidates.flatMap((entry, at) => {
      const result = ofBases[at];
      return result && !result.isContained ? [{ entry, result }] : [];
    });
    const entries = found.map(({ entry }) => entry);
    const couples = entries.flatMap((a, at) => entries.slice(at + 1).map((b) => [a, b] as const));
    const ofCouples = await this.#results.of(commonDir, couples.map(toEachOther), objects);
    return {
      entries,
      pairs: couples.flatMap(([a, b], at) => {
        const result = ofCouples[at];
        return result ? [{ pair: pairOf(a.plan.branch, b.plan.branch, result), plans: [a.plan, b.plan] as const }] : [];
      }),
      withBase: found.map(({ entry, result }) => pairOf(entry.plan.branch, entry.base, result)),
    };
  }
}

const toBase = ({ tip, baseTip }: Entry): Pair => [tip, baseTip];

const toEachOther = ([a, b]: readonly [Entry, Entry]): Pair => [a.tip, b.tip];

const pairOf = (a: string, b: string, { conflicts, files, shared, severity }: Assessment): ConflictPair => ({
  a,
  b,
  conflicts,
  files,
  shared,
  severity,
});
