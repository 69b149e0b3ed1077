/** A run that has a place or waits for one. */
export interface Contender {
  id: string;
  repositoryId: string;
}

export interface Places {
  maxConcurrent: number;
  maxPerRepository: number | null;
}

/** What stands in the way of one more run, undefined when nothing does. Pure. */
export function findObstacle(
  contender: Contender,
  placed: readonly Contender[],
  places: Places,
): { limit: string; current: number; max: number } | undefined {
  if (placed.length >= places.maxConcurrent) {
    return { limit: 'limits.max_concurrent', current: placed.length, max: places.maxConcurrent };
  }
  const beside = placed.filter(({ repositoryId }) => repositoryId === contender.repositoryId).length;
  if (places.maxPerRepository !== null && beside >= places.maxPerRepository) {
    return { limit: 'limits.max_per_repository', current: beside, max: places.maxPerRepository };
  }
  return undefined;
}

/** Those of a queue, first in first out, that may start now; one whose repository is full lets others pass. Pure. */
export function admitFromQueue(queue: readonly Contender[], placed: readonly Contender[], places: Places): Contender[] {
  const admitted: Contender[] = [];
  for (const contender of queue) {
    if (findObstacle(contender, [...placed, ...admitted], places) === undefined) admitted.push(contender);
  }
  return admitted;
}
