import type { UnderWay } from '../../../base/under-way.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../../registry/rows.ts';
import type { Plans } from '../plans.ts';

interface Parts {
  registry: Registry;
  plans: Pick<Plans, 'inTurn'>;
  /** Plans and worktrees that something is being done with. */
  underWay: UnderWay;
}

/** Settles what was begun with a plan, in its turn, unless it is under way right now. */
export async function settleInTurn(
  { registry, plans, underWay }: Parts,
  { repository, name }: { repository: RepositoryRow; name: string },
  settle: (plan: PlanRow) => Promise<void>,
): Promise<void> {
  const known = registry.plans.byName(repository.id, name);
  if (!known || underWay.has(known.id)) return;
  await plans.inTurn(repository, name, async () => {
    const plan = registry.plans.get(known.id);
    if (plan) await settle(plan);
  });
}
