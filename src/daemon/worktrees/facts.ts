import type { Git } from '../git/git.ts';
import { treeStatus } from '../git/questions.ts';
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
}

type Tree = Pick<WorktreeFact, 'missing' | 'dirty' | 'conflicted'>;

const unknownTree: Tree = { missing: false, dirty: null, conflicted: false };
const unknown: WorktreeFact = { ...unknownTree, merged: false };

/** More are asked for again. */
const mostKept = 5000;

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
    for (const row of fresh) {
      const look = this.#look(repository, row).finally(() => this.#underWay.delete(row.id));
      this.#underWay.set(row.id, look);
    }
    await Promise.all(rows.flatMap((row) => this.#underWay.get(row.id) ?? []));
  }

  async #look(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    const at = performance.now();
    const { branch, base } = row;
    const [tree, comparison] = await Promise.all([
      lookAtTree(this.#git, row),
      branch === null ? undefined : this.comparisons.compare(repository, { branch, base }).catch(() => undefined),
    ]);
    if (this.#known.size >= mostKept) this.#known.clear();
    const merged = row.declared === 'merged' || this.isMerged(row, comparison);
    this.#known.set(row.id, { at, fact: { ...tree, merged } });
  }

  /** By its commits alone. A branch that never left the commit at which wtd made or adopted it is not merged. */
  isMerged(row: WorktreeRow, comparison: Comparison | undefined): boolean {
    // A plan remembers where it began, also when its worktree was made again later.
    const plan = this.#registry.plans.byWorktree(row.id);
    // While its commits are being moved nobody knows where its own begin.
    if (plan?.intent?.kind === 'rebase') return false;
    return comparison?.isContained === true && comparison.tip !== (plan?.baseCommit ?? row.baseCommit);
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
