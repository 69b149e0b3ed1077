import type { Git } from '../../git/git.ts';
import { findCommit } from '../../git/questions.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../../registry/rows.ts';
import type { WorktreeFacts } from '../../worktrees/facts.ts';
import { targetOf } from '../homecoming/target.ts';

/** A plan with commits that its base lacks: work that has yet to come home. */
export interface Contender {
  plan: PlanRow;
  /** The last commit of its branch. */
  tip: string;
  /** The name of what it is to be merged into, and the commit that stands for it now. */
  base: string;
  baseTip: string;
}

interface Parts {
  registry: Registry;
  worktreeFacts: WorktreeFacts;
  git: Git;
}

/** The plans of a repository that have work of their own and are neither completed nor abandoned. */
export async function findContenders(parts: Parts, repository: RepositoryRow): Promise<Contender[]> {
  const candidates = await findCandidates(parts, repository);
  const found = await Promise.all(
    candidates.map(async (candidate) => {
      const { plan, base } = candidate;
      const comparison = await parts.worktreeFacts.comparisons.compare(repository, { branch: plan.branch, base });
      return comparison === undefined || comparison.isContained ? [] : [candidate];
    }),
  );
  return found.flat();
}

/** The plans that have a branch and are not known to be over; whether their base lacks anything is not looked at. */
export async function findCandidates(
  { registry, worktreeFacts, git }: Parts,
  repository: RepositoryRow,
): Promise<Contender[]> {
  const tips = await worktreeFacts.comparisons.tipsOf(repository);
  const plans = registry.plans.of(repository.id);
  const found = await Promise.all(
    plans.map(async (plan): Promise<Contender[]> => {
      const base = targetOf(plan, { plans, defaultBranch: repository.defaultBranch });
      const tip = tips.get(plan.branch);
      if (tip === undefined || base === null || base === plan.branch) return [];
      if (plan.outcome?.kind === 'abandoned' || plan.outcome?.tip === tip) return [];
      const baseTip = tips.get(base) ?? (await findCommit(git, repository.commonDir, base));
      return baseTip === undefined ? [] : [{ plan, tip, base, baseTip }];
    }),
  );
  return found.flat();
}
