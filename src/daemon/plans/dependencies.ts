import { WtdError } from '../../contract/errors.ts';
import type { PlanRow } from '../registry/rows.ts';

type Node = Pick<PlanRow, 'name' | 'dependsOn'>;

/** The names along which a plan would depend on itself, that plan first and last; undefined: it does not. Pure. */
export function findCircle(plan: Node, others: readonly Node[]): string[] | undefined {
  const known = new Map([...others, plan].map(({ name, dependsOn }) => [name, dependsOn]));
  const seen = new Set<string>();
  const paths = [[plan.name]];
  for (const path of paths) {
    for (const next of known.get(path.at(-1) ?? '') ?? []) {
      if (next === plan.name) return [...path, next];
      if (seen.has(next)) continue;
      seen.add(next);
      paths.push([...path, next]);
    }
  }
  return undefined;
}

/** Throws INVALID_PARAMS that names the circle. */
export function requireNoCircle(plan: Node, others: readonly Node[]): void {
  const circle = findCircle(plan, others);
  if (!circle) return;
  const message = `these would wait for each other: ${circle.join(' -> ')}`;
  throw new WtdError('INVALID_PARAMS', `dependsOn: ${message}`, {
    hint: 'leave one of them out; see `wtd plan list`',
    issues: [{ path: 'dependsOn', message }],
    circle,
  });
}
