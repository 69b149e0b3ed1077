import pLimit from 'p-limit';
import type { UnderWay } from '../../base/under-way.ts';
import { milliseconds } from '../../base/duration.ts';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import { listWorktrees } from '../git/questions.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { DiskUsage } from '../runs/disk-usage.ts';
import { findOccupants } from '../runs/occupants.ts';
import { isMissing, isUnlinked } from '../worktrees/entry.ts';
import { examine } from '../worktrees/examine.ts';
import { askMerging } from '../worktrees/merging.ts';
import { findClaim } from '../worktrees/safety.ts';
import { activeRunIn } from '../worktrees/users.ts';
import type { Candidate, Policy, Seen } from './plan.ts';

type WorktreeSettings = Configuration['current']['worktrees'];

export interface CandidateParts {
  registry: Registry;
  git: Git;
  diskUsage: DiskUsage;
  underWay: UnderWay;
  /** As they are for this repository. */
  settingsOf: (repository: RepositoryRow) => Promise<Pick<WorktreeSettings, 'auto_cleanup' | 'cleanup_policy'>>;
  /** This daemon's, which its locks of worktrees name. */
  home: string;
}

/** Few, because people wait for git too. */
const mostAtOnce = 4;

/** Finds out all that a sweep decides by. */
export class Candidates {
  readonly #parts: CandidateParts;

  constructor(parts: CandidateParts) {
    this.#parts = parts;
  }

  /** What cannot be found out about one is left open, and keeps it. */
  async gather(rows: readonly WorktreeRow[]): Promise<Candidate[]> {
    const limit = pLimit(mostAtOnce);
    const occupants = await findOccupants(rows.map(({ path }) => path));
    const listings = new Map<string, Promise<ListedWorktree[] | undefined>>();
    const listingOf = ({ commonDir }: RepositoryRow) => {
      const listing = listings.get(commonDir) ?? listWorktrees(this.#parts.git, commonDir).catch(() => undefined);
      listings.set(commonDir, listing);
      return listing;
    };
    const found = rows.map((row) => limit(() => this.#lookAt(row, { occupants, listingOf })));
    return (await Promise.all(found)).filter((candidate) => candidate !== undefined);
  }

  async #lookAt(
    row: WorktreeRow,
    known: {
      occupants: ReadonlyMap<string, string>;
      listingOf: (repository: RepositoryRow) => Promise<ListedWorktree[] | undefined>;
    },
  ): Promise<Candidate | undefined> {
    const { registry, underWay, diskUsage } = this.#parts;
    const repository = registry.repositories.get(row.repositoryId);
    if (!repository) return undefined;
    const policy = await this.#policyOf(repository);
    const plan = registry.plans.byWorktree(row.id);
    const candidate = {
      row,
      repository,
      plan,
      policy,
      isBusy: underWay.has(row.id),
      activeRun: activeRunIn(registry, row)?.id ?? null,
      leaseHolder: registry.leases.ofWorktree(row.id)?.holder ?? null,
      occupant: known.occupants.get(row.path) ?? null,
      diskMb: diskUsage.of(row.path).megabytes,
    };
    const { isBusy, activeRun, leaseHolder, occupant } = candidate;
    // Who works there is not disturbed by questions whose answers would change nothing.
    const isHeld = isBusy || activeRun !== null || leaseHolder !== null || occupant !== null;
    const seen = isHeld ? undefined : await this.#see(candidate, await known.listingOf(repository));
    return { ...candidate, seen };
  }

  async #policyOf(repository: RepositoryRow): Promise<Policy> {
    const settings = await this.#parts.settingsOf(repository).catch(() => undefined);
    // What nobody can read asks for nothing to go, and must not keep the other repositories from their sweep.
    if (!settings) return { idleMs: Infinity, maxAgeMs: Infinity, keepFailed: true };
    const { idle_timeout: idle, max_age: age, keep_failed: keepFailed } = settings.cleanup_policy;
    return { idleMs: milliseconds(idle), maxAgeMs: milliseconds(age), keepFailed };
  }

  async #see(
    { row, repository, plan }: Pick<Candidate, 'row' | 'repository' | 'plan'>,
    listed: ListedWorktree[] | undefined,
  ): Promise<Seen | undefined> {
    const { git, home } = this.#parts;
    if (!listed || (await isUnlinked(row.path))) return undefined;
    const entry = listed.find(({ path }) => path === row.path);
    const missing = await isMissing(row.path);
    // A directory that git does not list is no worktree of this repository any more.
    if (!entry && !missing) return undefined;
    // What a detached HEAD has and no branch has is found by `examine`.
    const head = entry?.branch === null ? undefined : (entry?.head ?? undefined);
    const [findings, merging] = await Promise.all([
      examine(git, repository, row.path),
      askMerging(git, { repository, row, plan, head }).catch(() => undefined),
    ]);
    const { isUnmerged, isMerged } = merging ?? { isUnmerged: undefined, isMerged: false };
    return { findings, claim: findClaim(listed, row.path, home), isMissing: missing, isUnmerged, isMerged };
  }
}
