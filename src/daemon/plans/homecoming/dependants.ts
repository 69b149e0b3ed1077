import type { Plan } from '../../../contract/models.ts';
import type { Git } from '../../git/git.ts';
import { findCommit } from '../../git/questions.ts';
import { tryMerges, type TrialObjects } from '../../git/trial-merges.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../../registry/rows.ts';
import { unmetDependencies } from './completion-look.ts';
import type { PlanFactsReader } from '../plan-facts.ts';
import type { PlanModels } from '../plan-model.ts';

interface Parts {
  registry: Registry;
  git: Git;
  facts: PlanFactsReader;
  planModels: PlanModels;
}

/** A plan that comes home, and what its target is then. */
interface Arrival {
  repository: RepositoryRow;
  plan: PlanRow;
  into: string;
  commit: string;
  objects: TrialObjects;
}

export interface Dependant {
  plan: string;
  state: Plan['state'];
  needs: string;
}

/** The plans that waited for one, each with what it needs now. */
export async function findDependants(parts: Parts, arrival: Arrival): Promise<Dependant[]> {
  const { registry, facts, planModels } = parts;
  const { repository, plan } = arrival;
  const waiting = registry.plans
    .of(repository.id)
    .filter(({ dependsOn, base }) => dependsOn.includes(plan.name) || base === plan.branch);
  const others = waiting.flatMap(({ dependsOn }) =>
    dependsOn.flatMap((name) => registry.plans.byName(repository.id, name) ?? []),
  );
  await facts.refresh([...waiting, ...others], 0);
  const open = waiting.filter((each) => each.id !== plan.id && !facts.isMerged(each) && each.outcome === null);
  return Promise.all(
    open.map(async (each) => ({
      plan: each.name,
      state: planModels.of(each).state,
      needs: await needsOf(parts, arrival, each),
    })),
  );
}

async function needsOf({ registry, git, facts }: Parts, arrival: Arrival, dependant: PlanRow): Promise<string> {
  const { repository, plan, into, commit, objects } = arrival;
  const { name, branch } = dependant;
  const missing = unmetDependencies({ registry, git, facts }, dependant).filter((each) => each !== plan.name);
  if (missing.length > 0) return `still waits for ${missing.join(', ')}`;
  const tip = await findCommit(git, repository.commonDir, `refs/heads/${branch}`);
  if (dependant.base === plan.branch)
    return `another base: \`wtd plan update ${name} --base ${into}\`, then \`wtd rebase ${name}\``;
  if (registry.runs.activeOf(dependant.id)) return 'the end of its run';
  if (tip === undefined) return `nothing: it can be started now with \`wtd start ${name}\``;
  if ((dependant.base ?? repository.defaultBranch) !== into) return 'nothing: it goes into another branch';
  const [merge] = await tryMerges(git, repository.commonDir, { pairs: [[commit, tip]], objects });
  return merge?.isClean === true ? 'nothing: it can be completed now' : `rebase: \`wtd rebase ${name}\``;
}
