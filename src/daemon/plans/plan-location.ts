import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { nearNames } from '../../base/near-names.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../registry/rows.ts';

/** The plan of that name. Throws NOT_FOUND with near names. */
export function requirePlan(registry: Registry, repository: RepositoryRow, name: string): PlanRow {
  const plan = registry.plans.byName(repository.id, name);
  if (plan) return plan;
  const near = nearNames(
    name,
    registry.plans.of(repository.id).map((known) => known.name),
  );
  throw new WtdError('NOT_FOUND', `there is no plan ${name} in ${repository.name}`, {
    hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : `see \`wtd plan list --repo ${repository.name}\``,
    kind: 'plan',
    name,
  });
}

/**
 * A plan file's path within the repository. `file` is absolute, inside any checkout of it, or relative to its root.
 * Throws INVALID_PARAMS when it lies elsewhere, NOT_FOUND when it is not there.
 */
export async function locatePlanFile(registry: Registry, repository: RepositoryRow, file: string): Promise<string> {
  const roots = [...registry.worktrees.liveOf(repository.id).map(({ path }) => path), repository.path];
  const real = isAbsolute(file) ? await realpath(file).catch(() => file) : file;
  const root = isAbsolute(file) ? roots.find((path) => isWithin(relative(path, real))) : repository.path;
  const inside = root === undefined ? undefined : relative(root, resolve(root, real));
  if (root === undefined || inside === undefined || !isWithin(inside)) {
    throw new WtdError('INVALID_PARAMS', `file: ${file} is not inside the repository ${repository.name}`, {
      hint: `give a path inside ${repository.path}`,
      issues: [{ path: 'file', message: 'must lie inside the repository' }],
    });
  }
  const isFile = await stat(join(root, inside)).then(
    (entry) => entry.isFile(),
    () => false,
  );
  if (!isFile) {
    throw new WtdError('NOT_FOUND', `there is no plan file ${inside} in ${root}`, {
      hint: 'write it first, or leave --file out',
      kind: 'file',
      name: inside,
    });
  }
  return inside;
}

const isWithin = (path: string): boolean =>
  path !== '' && path !== '..' && !path.startsWith('../') && !isAbsolute(path);
