import type { Git } from '../git/git.ts';
import { countUnreachable, treeStatus, withoutOwnCommits } from '../git/questions.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import { BranchComparisons, type Comparison } from './branch-comparisons.ts';
import { isMissing } from './entry.ts';

/** What git says of a worktree. Null: there is none, or it could not be found out. */
export interface WorktreeFact {
  missing: boolean;
  dirty: boolean | null;
  conflicted: boolean;
  merged: boolean;
  /** Whether its branch, or its HEAD when that is detached, has commits that no other branch, tag or remote branch has. */
  ownCommits: boolean | null;
}

type Tree = Pick<WorktreeFact, 'missing' | 'dirty' | 'conflicted'>;

const unknownTree: Tree = { missing: false, dirty: null, conflicted: false };
const unknown: WorktreeFact = { ...unknownTree, merged: false, ownCommits: null };

/** More are asked for again. */
const mostKept = 5000;
/** More could make a command line too long. */
const mostBranchesAtOnce = 500;

/** Asks git about worktrees; answers are kept for a moment. */
export class WorktreeFacts {
  readonly #registry: Registry;
  readonly #git: Git;
  readonly #known = new Map<string, { at: number; fact: WorktreeFact }>();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly comparisons: BranchComparisons;

  constructor({ registry, git }: { registry: Registry; git: Git }) {
    this.#registry = registry;
    this.#git = git;
    this.comparisons = new BranchComparisons(git);
  }

  /** What was last found out. */
  of(worktree: string): WorktreeFact {
    return this.#known.get(worktree)?.fact ?? unknown;
  }

  /** Makes what is known of these worktrees at most `maxAgeMs` old. */
  async refresh(rows: readonly WorktreeRow[], maxAgeMs: number): Promise<void> {
    const isOld = ({ id }: WorktreeRow) => performance.now() - (this.#known.get(id)?.at ?? -Infinity) > maxAgeMs;
    const groups = groupByRepository(rows.filter(isOld));
    await Promise.all([...groups].map(([id, group]) => this.#refreshRepository(id, group)));
  }

  forget(worktree: string): void {
    this.#known.delete(worktree);
  }

  async #refreshRepository(id: string, rows: readonly WorktreeRow[]): Promise<void> {
    const repository = this.#registry.repositories.get(id);
    if (!repository) return;
    const fresh = rows.filter((row) => !this.#underWay.has(row.id));
    const owners = this.#findOwners(repository, fresh).catch(() => undefined);
    for (const row of fresh) {
      const look = this.#look({ repository, row, owners }).finally(() => this.#underWay.delete(row.id));
      this.#underWay.set(row.id, look);
    }
    await Promise.all(rows.flatMap((row) => this.#underWay.get(row.id) ?? []));
  }

  /** Which branches of these worktrees have commits of their own, in one question. */
  async #findOwners(repository: RepositoryRow, rows: readonly WorktreeRow[]): Promise<Map<string, boolean>> {
    const tips = await this.comparisons.tipsOf(repository);
    const branches = rows.flatMap(({ branch }): [string, string][] => {
      const tip = branch === null ? undefined : tips.get(branch);
      return branch === null || tip === undefined ? [] : [[branch, tip]];
    });
    const owners = new Map(branches.map(([branch]) => [branch, true]));
    for (let start = 0; start < branches.length; start += mostBranchesAtOnce) {
      const some = new Map(branches.slice(start, start + mostBranchesAtOnce));
      for (const branch of (await withoutOwnCommits(this.#git, repository.commonDir, some)).keys()) {
        owners.set(branch, false);
      }
    }
    return owners;
  }

  async #look({
    repository,
    row,
    owners,
  }: {
    repository: RepositoryRow;
    row: WorktreeRow;
    owners: Promise<Map<string, boolean> | undefined>;
  }): Promise<void> {
    const at = performance.now();
    const { branch, base } = row;
    const [tree, comparison, ownCommits] = await Promise.all([
      lookAtTree(this.#git, row),
      branch === null ? undefined : this.comparisons.compare(repository, { branch, base }).catch(() => undefined),
      branch === null ? this.#hasDetached(row) : owners.then((found) => found?.get(branch) ?? null),
    ]);
    if (this.#known.size >= mostKept) this.#known.clear();
    const merged = row.declared === 'merged' || this.isMerged(row, comparison);
    this.#known.set(row.id, { at, fact: { ...tree, merged, ownCommits } });
  }

  /** By its commits alone. A branch that never left the commit at which wtd made or adopted it is not merged. */
  isMerged(row: WorktreeRow, comparison: Comparison | undefined): boolean {
    // A plan remembers where it began, also when its worktree was made again later.
    const plan = this.#registry.plans.byWorktree(row.id);
    // While its commits are being moved nobody knows where its own begin.
    if (plan?.intent?.kind === 'rebase') return false;
    return comparison?.isContained === true && comparison.tip !== (plan?.baseCommit ?? row.baseCommit);
  }

  async #hasDetached({ path, state }: WorktreeRow): Promise<boolean | null> {
    if (state !== 'in_use' && state !== 'available') return null;
    return countUnreachable(this.#git, path, 'HEAD').then(
      (count) => count > 0,
      () => null,
    );
  }
}

async function lookAtTree(git: Git, { path, state }: WorktreeRow): Promise<Tree> {
  if (state === 'creating' || state === 'cleaning' || state === 'removed') return unknownTree;
  if (await isMissing(path)) return { ...unknownTree, missing: true };
  const status = await treeStatus(git, path).catch(() => undefined);
  if (status === undefined) return unknownTree;
  const dirty = status.changed + status.untracked + status.conflicted > 0;
  return { missing: false, dirty, conflicted: status.conflicted > 0 };
}

export function groupByRepository<Row extends { repositoryId: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.repositoryId) ?? [];
    groups.set(row.repositoryId, group);
    group.push(row);
  }
  return groups;
}
