/** A plan that may come home, and what it waits for. */
interface Waiting {
  name: string;
  dependsOn: readonly string[];
  /** The plan whose branch is its base. */
  standsOn: string | undefined;
}

/** What is known of a plan that has nothing to bring home. */
export type Elsewhere = 'merged' | 'abandoned' | 'idle' | 'unknown';

interface Sorted {
  /** Of each plan that may come home those that have to come before. */
  needs: Map<string, string[]>;
  /** Of each other one why not, as a sentence. */
  obstacles: Map<string, string>;
}

/** Tells the plans whose dependencies can come home, or have, from the others. Pure. */
export function sortByNeeds(plans: readonly Waiting[], elsewhere: (plan: string) => Elsewhere): Sorted {
  const names = new Set(plans.map(({ name }) => name));
  const needs = new Map(plans.map((plan) => [plan.name, needsOf(plan).filter((other) => names.has(other))]));
  const obstacles = new Map<string, string>();
  for (const plan of plans) {
    const obstacle = obstacleOf(plan, needs, elsewhere);
    if (obstacle !== undefined) obstacles.set(plan.name, obstacle);
  }
  // Whoever needs one that stays has to stay as well.
  for (let known = -1; known !== obstacles.size;) {
    known = obstacles.size;
    for (const [name, others] of needs) {
      const staying = others.find((other) => obstacles.has(other));
      if (staying !== undefined && !obstacles.has(name)) obstacles.set(name, describeWaiting(staying));
    }
  }
  for (const name of obstacles.keys()) needs.delete(name);
  return { needs, obstacles };
}

export const describeWaiting = (plan: string): string => `waits for ${plan}, which cannot come home`;

const needsOf = ({ dependsOn, standsOn }: Waiting): string[] => [
  ...new Set([...dependsOn, ...(standsOn === undefined ? [] : [standsOn])]),
];

function obstacleOf(
  { name, dependsOn }: Waiting,
  needs: ReadonlyMap<string, readonly string[]>,
  elsewhere: (plan: string) => Elsewhere,
): string | undefined {
  const circle = findCircle(name, needs);
  if (circle) return `depends on itself: ${circle.join(' before ')}`;
  for (const other of dependsOn) {
    const obstacle = needs.has(other) ? undefined : describeElsewhere(other, elsewhere(other));
    if (obstacle !== undefined) return obstacle;
  }
  return undefined;
}

function describeElsewhere(plan: string, state: Elsewhere): string | undefined {
  switch (state) {
    case 'merged':
      return undefined;
    case 'abandoned':
      return `depends on ${plan}, which is abandoned`;
    case 'idle':
      return `depends on ${plan}, which has nothing to merge yet`;
    case 'unknown':
      return `depends on ${plan}, and there is no plan of that name`;
  }
}

/** From the plan to itself, each before the next one; undefined: it depends on itself in no way. */
function findCircle(plan: string, needs: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const trails = [[plan]];
  const seen = new Set<string>();
  for (const trail of trails) {
    for (const other of needs.get(trail[0] ?? '') ?? []) {
      if (other === plan) return [plan, ...trail];
      if (!seen.has(other)) trails.push([other, ...trail]);
      seen.add(other);
    }
  }
  return undefined;
}
