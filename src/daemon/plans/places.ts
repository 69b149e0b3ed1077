import type { Configuration } from '../config.ts';
import type { Registry } from '../registry/registry.ts';
import type { RunRow } from '../registry/rows.ts';
import type { Contender, Places } from '../runs/admission.ts';

/** Runs as they contend for places: by the repository of their plan. */
export const contendersOf = (registry: Registry, runs: readonly RunRow[]): Contender[] =>
  runs.map(({ id, planId }) => ({ id, repositoryId: registry.plans.get(planId)?.repositoryId ?? '' }));

/** How many places the configuration gives. */
export const placesOf = ({ current: { limits } }: Configuration): Places => ({
  maxConcurrent: limits.max_concurrent,
  maxPerRepository: limits.max_per_repository,
});
