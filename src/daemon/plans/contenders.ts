import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../registry/rows.ts';
import type { WorktreeFacts } from '../worktrees/facts.ts';

/** A plan with commits that its base lacks: work that has yet to come home. */
export interface Contender {
  plan: PlanRow;
  /** The last commit of its branch. */
  tip: string;
  /** The name of what it is to be merged into, and the commit that stands for it now. */
  base: string;
  baseTip: string;
}

/** The plans of a repository that have work of their own and are neither completed nor abandoned. */
export async function findContenders(
  { registry, worktreeFacts }: { registry: Registry; worktreeFacts: WorktreeFacts },
  repository: RepositoryRow,
): Promise<Contender[]> {
  const open = registry.plans.of(repository.id).filter(({ outcome }) => outcome?.kind !== 'abandoned');
  const found = await Promise.all(
    open.map(async (plan): Promise<Contender[]> => {
      const base = plan.base ?? repository.defaultBranch;
      const comparison = await worktreeFacts.comparisons.compare(repository, plan);
      if (base === null || comparison === undefined || comparison.isContained) return [];
      if (plan.outcome?.tip === comparison.tip) return [];
      return [{ plan, tip: comparison.tip, base, baseTip: comparison.base }];
    }),
  );
  return found.flat();
}
