/** A run that has a place or waits for one. */
export interface Contender {
  id: string;
  repositoryId: string;
}

export interface Places {
  maxConcurrent: number;
  maxPerRepository: number | null;
  /** Of the machine, when that is limited; what cannot be told does not stand in the way. */
  cpu?: { percent: number | null; max: number } | null;
}

export interface Obstacle {
  limit: string;
  current: number;
  max: number;
}

/** What stands in the way of one more run, undefined when nothing does. Pure. */
export function findObstacle(contender: Contender, placed: readonly Contender[], places: Places): Obstacle | undefined {
  if (placed.length >= places.maxConcurrent) {
    return { limit: 'limits.max_concurrent', current: placed.length, max: places.maxConcurrent };
  }
  const beside = placed.filter(({ repositoryId }) => repositoryId === contender.repositoryId).length;
  if (places.maxPerRepository !== null && beside >= places.maxPerRepository) {
    return { limit: 'limits.max_per_repository', current: beside, max: places.maxPerRepository };
  }
  const { percent = null, max = 0 } = places.cpu ?? {};
  if (percent !== null && percent >= max) return { limit: 'limits.max_machine_cpu_percent', current: percent, max };
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

/** What a run may write, and what it has written as far as that is known. */
export interface DiskPromise {
  maxDiskMb: number | null;
  diskMb: number | null;
}

export interface Room {
  /** Of the runs that have a place on this file system. */
  promises: readonly DiskPromise[];
  /** What must be left over whatever happens. */
  reserveMb: number;
  ownMb: number;
}

/** How much must be free for one more run, with what others may still write counted in. Pure. */
export const requiredMb = ({ promises, reserveMb, ownMb }: Room): number =>
  Math.ceil(
    promises.reduce((sum, { maxDiskMb, diskMb }) => sum + Math.max(0, (maxDiskMb ?? 0) - (diskMb ?? 0)), 0) +
      reserveMb +
      ownMb,
  );
