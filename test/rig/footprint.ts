import { readdirSync, readFileSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import type { Checkout } from './repository.ts';
import type { Rig } from './rig.ts';

const deepest = 3;

/** Everything that a refusal could leave behind: in git, in the registry, in wtd's home and beside the repositories. */
export async function footprint(rig: Rig, repository: Checkout = rig.repository) {
  const [{ repositories }, { plans }, { runs }, { counts }] = await Promise.all([
    rig.call('repository.list', {}),
    rig.call('plan.list', {}),
    rig.call('run.list', {}),
    rig.call('daemon.status', {}),
  ]);
  return {
    worktrees: repository.worktrees(),
    branches: repository.branches(),
    gitConfig: readFileSync(repository.git('rev-parse', '--path-format=absolute', '--git-path', 'config'), 'utf8'),
    repositories: repositories.map(({ name }) => name),
    plans: plans.map(({ name, state, file, base }) => ({ name, state, file, base })),
    runs: runs.map(({ id, state }) => ({ id, state })),
    /** Each holds a port range. */
    worktreeRows: counts.worktrees,
    runDirectories: readdirSync(join(rig.place.home, 'runs')).sort(),
    directories: listDirectories(join(rig.place.directory, 'repositories')),
  };
}

function listDirectories(directory: string, depth = 1): string[] {
  if (depth > deepest) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry: Dirent) => entry.isDirectory() && entry.name !== '.git')
    .map(({ name }) => join(directory, name))
    .flatMap((path) => [path, ...listDirectories(path, depth + 1)])
    .sort();
}
