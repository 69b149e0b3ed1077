import { stat } from 'node:fs/promises';
import type { Result } from '../../contract/index.ts';
import type { Git } from '../git/git.ts';
import { findCommit, listWorktrees } from '../git/questions.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Repositories } from '../repositories/repositories.ts';
import { locateWorktree, type WorktreeAddress } from './address.ts';
import { findAgreedEntry } from './entry.ts';
import { findOperation } from './examine.ts';
import { ownerOfLock } from './naming.ts';
import { overlaps, portsOf } from './ports.ts';

type Health = Result<'worktree.health'>;
type Check = Health['checks'][number];

interface Parts {
  registry: Registry;
  repositories: Repositories;
  git: Git;
  /** This daemon's, which its locks of worktrees name. */
  home: string;
}

/** Tells whether worktrees are what they should be. */
export class WorktreeHealth {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async check(address: WorktreeAddress): Promise<Health> {
    const { row, repository } = await locateWorktree(this.#parts, address);
    const checks = [...(await this.#inGit(repository, row)), this.#ports(row), setupOf(row)];
    return { worktree: row.id, healthy: checks.every(({ ok }) => ok === true), checks };
  }

  async #inGit({ commonDir }: RepositoryRow, row: WorktreeRow): Promise<Check[]> {
    const { git, home } = this.#parts;
    const { path } = row;
    const [isDirectory, areAgreed, listed, head, operation] = await Promise.all([
      stat(path).then(
        (entry) => entry.isDirectory(),
        () => false,
      ),
      findAgreedEntry(commonDir, path).then((entry) => entry !== undefined),
      listWorktrees(git, commonDir).then(
        (all) => all.find((entry) => entry.path === path) ?? null,
        () => undefined,
      ),
      findCommit(git, path, 'HEAD').catch(() => undefined),
      findOperation(git, path).catch(() => undefined),
    ]);
    const isListed = listed === undefined ? null : listed !== null;
    return [
      check('directory', isDirectory, isDirectory ? path : `${path} is not there`),
      check('pointer', areAgreed, areAgreed ? 'git and the directory name each other' : 'run `git worktree repair`'),
      check('listed', isListed, isListed === true ? 'git lists it' : 'git does not list it'),
      branchOf(row, listed),
      check('head', head !== undefined, head ?? 'HEAD cannot be read'),
      check('operation', operation === undefined ? null : operation === null, `in progress: ${operation ?? 'nothing'}`),
      lockOf(listed, home),
    ];
  }

  #ports(row: WorktreeRow): Check {
    const own = portsOf(row);
    if (own === null) return check('ports', true, 'it has none');
    const others = this.#parts.registry.worktrees.live().filter(({ id }) => id !== row.id);
    const twin = others.find((other) => {
      const theirs = portsOf(other);
      return theirs !== null && overlaps(theirs, own);
    });
    return check('ports', twin === undefined, twin ? `${twin.path} has some of them too` : `${own.start}-${own.end}`);
  }
}

const check = (name: Check['name'], ok: boolean | null, detail: string): Check => ({ name, ok, detail });

function branchOf({ branch }: WorktreeRow, listed: ListedWorktree | null | undefined): Check {
  if (!listed) return check('branch', null, 'git does not tell');
  const shown = (name: string | null): string => name ?? 'no branch (detached)';
  const isRight = listed.branch === branch;
  return check('branch', isRight, isRight ? shown(branch) : `on ${shown(listed.branch)} instead of ${shown(branch)}`);
}

function lockOf(listed: ListedWorktree | null | undefined, home: string): Check {
  if (!listed) return check('lock', null, 'git does not tell');
  const isOurs = ownerOfLock(listed.lockReason, home) !== undefined;
  const whose = listed.lockReason === null ? 'it is not locked, so git would remove it' : 'somebody else locked it';
  return check('lock', isOurs, isOurs ? 'locked by wtd' : whose);
}

function setupOf({ setup }: WorktreeRow): Check {
  if (setup === null) return check('setup', true, 'nothing was to be done');
  return check('setup', setup.state === 'running' ? null : setup.state === 'done', setup.detail);
}
