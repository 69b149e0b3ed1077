import type { PlanRow } from '../../registry/rows.ts';

/**
 * Where a plan goes home to, if that is still there. One that stands on the branch of another plan follows that one to
 * where it was merged, because nobody looks at its branch any more. `home`: where others will have been merged by then.
 * Pure.
 */
export function targetOf(
  plan: PlanRow,
  { plans, defaultBranch }: { plans: readonly PlanRow[]; defaultBranch: string | null },
  home: ReadonlyMap<string, string> = new Map(),
): string | null {
  const others = plans.filter(({ id }) => id !== plan.id);
  let base = plan.base ?? defaultBranch;
  // Each plan leads on at most once, so that branches that were merged into each other end somewhere.
  for (let led = 0; led < others.length; led += 1) {
    const below = others.find(({ branch }) => branch === base);
    const into = below && (home.get(below.name) ?? (below.outcome?.kind === 'merged' ? below.outcome.into : undefined));
    if (into === undefined) break;
    base = into;
  }
  return base;
}
