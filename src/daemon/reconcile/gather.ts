import { realpath } from 'node:fs/promises';
import pLimit from 'p-limit';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import { branchTips, listWorktrees, withoutOwnCommits } from '../git/questions.ts';
import type { Completion } from '../plans/homecoming/completion.ts';
import type { Launcher } from '../plans/launcher.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow } from '../registry/rows.ts';
import { listMarked } from '../runs/marked.ts';
import type { RepositorySettings } from '../repositories/settings.ts';
import type { RunDirectories } from '../runs/run-directory.ts';
import { isMissing } from '../worktrees/entry.ts';
import { worktreesDirectory } from '../worktrees/naming.ts';
import { unclaimedBranches, type GitView, type World } from './compare.ts';

export interface GatherParts {
  registry: Registry;
  git: Git;
  configuration: Configuration;
  settings: RepositorySettings;
  directories: RunDirectories;
  launcher: Launcher;
  completion: Pick<Completion, 'isUnderWay' | 'settle'>;
  socket: string;
  home: string;
}

/** Few, because people wait for git too. */
const mostRepositoriesAtOnce = 2;
/** More could make a command line too long; what is left out is looked at once these are mended. */
const mostBranches = 500;

/** Asks git, the disk, the process table and, last and at one moment, the database. */
export async function gather(parts: GatherParts): Promise<World> {
  const { registry, directories, launcher, socket } = parts;
  const limit = pLimit(mostRepositoriesAtOnce);
  const views = registry.repositories.list().map((row) => limit(async () => ({ row, git: await askGit(parts, row) })));
  const [repositories, runDirectories, processes] = await Promise.all([
    Promise.all(views),
    directories.list(),
    listMarked(socket),
  ]);
  const activeRuns = registry.runs.active();
  const plans = registry.plans.list();
  const named = [...new Set([...runDirectories, ...processes.map(({ run }) => run)])];
  const runs = [...named, ...activeRuns.map(({ id }) => id)];
  return {
    home: parts.home,
    repositories: repositories.filter(({ row }) => registry.repositories.get(row.id)),
    worktrees: registry.worktrees.live(),
    plans,
    activeRuns,
    runDirectories,
    processes,
    unknownRuns: new Set(registry.runs.unknownAmong(named)),
    underWay: new Set(runs.filter((run) => launcher.isUnderWay(run))),
    completing: new Set(plans.map(({ id }) => id).filter((id) => parts.completion.isUnderWay(id))),
  };
}

async function askGit(parts: GatherParts, repository: RepositoryRow): Promise<GitView> {
  const { git, registry, configuration, settings } = parts;
  const { commonDir } = repository;
  if (await isMissing(commonDir)) return { kind: 'gone' };
  const { directory } = configuration.current.worktrees;
  try {
    const { branch_prefix: prefix } = (await settings.of(repository)).worktrees;
    const [listed, tips, real] = await Promise.all([
      listWorktrees(git, commonDir),
      branchTips(git, commonDir, [prefix]),
      realDirectory(worktreesDirectory(repository, directory)),
    ]);
    const rows = registry.worktrees.liveOf(repository.id);
    const claims = { prefix, plans: registry.plans.of(repository.id), rows, listed };
    const unclaimed = new Map([...unclaimedBranches(tips, claims)].slice(0, mostBranches));
    const missingPaths = await findMissing([...listed.slice(1), ...rows].map(({ path }) => path));
    const emptyBranches = await withoutOwnCommits(git, commonDir, unclaimed);
    return { kind: 'asked', listed, directory: real, missingPaths, branchPrefix: prefix, emptyBranches };
  } catch (error) {
    return { kind: 'unknown', cause: error instanceof Error ? error.message : String(error) };
  }
}

/** Git tells real paths; a directory that is not there yet has nothing in it. */
const realDirectory = (directory: string): Promise<string> => realpath(directory).catch(() => directory);

async function findMissing(paths: readonly string[]): Promise<Set<string>> {
  const missing = new Set<string>();
  for (const path of new Set(paths)) if (await isMissing(path)) missing.add(path);
  return missing;
}
