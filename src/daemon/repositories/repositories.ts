import { lstat, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { newId } from '../../base/id.ts';
import { nearNames } from '../../base/near-names.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Repository } from '../../contract/models.ts';
import type { Git } from '../git/git.ts';
import { findCheckout, findCommit, findCommonDir, findDefaultBranch, isBare } from '../git/questions.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow } from '../registry/rows.ts';
import { nameFrom } from './naming.ts';
import { toRepository } from './repository-model.ts';
import { isTrusted, type RepositorySettings } from './settings.ts';

/** How a caller says which repository is meant. */
export interface Address {
  /** A name, an id, or an absolute path inside it. */
  repository?: string | undefined;
  cwd?: string | undefined;
}

interface Described {
  path: string;
  name?: string | undefined;
  description?: string | undefined;
  channels?: string[] | undefined;
}

/** What can be said anew of a repository; what is left out stays. */
interface Changes {
  name?: string | undefined;
  description?: string | null | undefined;
  channels?: string[] | undefined;
  defaultBranch?: string | undefined;
}

interface Parts {
  registry: Registry;
  git: Git;
  clock: Clock;
  settings: RepositorySettings;
}

const mostReserved = 1000;

/** The git repositories wtd knows. */
export class Repositories {
  readonly #registry: Registry;
  readonly #git: Git;
  readonly #clock: Clock;
  readonly #settings: RepositorySettings;
  /** What repositories will be called that somebody is about to use first: all who ask at once get the same. */
  readonly #reserved = new Map<string, { id: string; name: string }>();

  constructor(parts: Parts) {
    this.#registry = parts.registry;
    this.#git = parts.git;
    this.#clock = parts.clock;
    this.#settings = parts.settings;
  }

  list(): Promise<Repository[]> {
    return Promise.all(this.#registry.repositories.list().map((row) => this.#modelOf(row)));
  }

  /** Throws ALREADY_EXISTS when the repository or the name is known already. */
  async add(described: Described): Promise<Repository> {
    const row = await this.#byPath(described.path);
    const known = this.#registry.repositories.byCommonDir(row.commonDir);
    if (known) throw exists(`the repository ${known.path} is already known as ${known.name}`, known.name);
    if (described.name !== undefined && this.#registry.repositories.byName(described.name)) {
      throw exists(`a repository named ${described.name} is already known`, described.name);
    }
    const { name = row.name, description = null, channels = [] } = described;
    const added = { ...row, name, description, channels };
    this.keep(added);
    return this.#modelOf(added);
  }

  /** Writes a row down that `resolve` answered and that was not known yet; a second time it does nothing. */
  keep(row: RepositoryRow): void {
    if (this.#registry.repositories.get(row.id)) return;
    this.#registry.change((tell) => {
      this.#registry.repositories.insert(row);
      tell({ type: 'repository.added', repository: row.name, data: { path: row.path } });
    });
  }

  async show(repository: string): Promise<Repository> {
    return this.#modelOf(await this.require({ repository }));
  }

  /** Throws ALREADY_EXISTS when another one has the name, NOT_FOUND when there is no such branch. */
  async update(repository: string, said: Changes): Promise<Repository> {
    const row = await this.require({ repository });
    const { name = row.name, description = row.description, channels = row.channels } = said;
    const { defaultBranch = row.defaultBranch } = said;
    if (said.defaultBranch !== undefined) await this.#requireBranch(row, said.defaultBranch);
    const holder = this.#registry.repositories.byName(name);
    if (holder && holder.id !== row.id) throw exists(`a repository named ${name} is already known`, name);
    const changes = { name, description, channels, defaultBranch };
    this.#registry.change((tell) => {
      this.#registry.repositories.update(row.id, changes);
      tell({ type: 'repository.updated', repository: name, data: { ...changes, was: row.name } });
    });
    return this.#modelOf({ ...row, ...changes });
  }

  /** From now on its own commands may run, as long as its file stays as it is. Throws INVALID_PARAMS for a bad file. */
  async trust(repository: string): Promise<Repository> {
    const row = await this.require({ repository });
    const { hash, commands } = await this.#settings.commandsOf(row);
    const changes = { trusted: true, trustedHash: hash };
    this.#registry.change((tell) => {
      this.#registry.repositories.update(row.id, changes);
      tell({ type: 'repository.trusted', repository: row.name, data: { commands, hash } });
    });
    return toRepository({ ...row, ...changes }, { trusted: true, commands });
  }

  /** A file that is not valid is nothing that anybody trusts; whoever needs it is told what is wrong with it. */
  async #modelOf(row: RepositoryRow): Promise<Repository> {
    const own = await this.#settings.commandsOf(row).catch(() => undefined);
    return toRepository(row, { trusted: own !== undefined && isTrusted(row, own), commands: own?.commands ?? [] });
  }

  async #requireBranch({ name, commonDir }: RepositoryRow, branch: string): Promise<void> {
    if ((await findCommit(this.#git, commonDir, `refs/heads/${branch}`)) !== undefined) return;
    throw new WtdError('NOT_FOUND', `there is no branch ${branch} in ${name}`, {
      hint: 'name a local branch that has a commit',
      kind: 'branch',
      name: branch,
    });
  }

  async remove(repository: string): Promise<void> {
    const row = await this.require({ repository });
    const plans = this.#registry.plans.of(row.id);
    const worktrees = this.#registry.worktrees.liveOf(row.id);
    const leases = this.#registry.leases.liveOf(row.id);
    if (plans.length > 0 || worktrees.length > 0) {
      const blockers = [
        ...plans.map(({ name }) => ({ code: 'plan', message: `plan ${name} belongs to it` })),
        ...leases.map(({ holder, id }) => ({
          code: 'lease',
          message: `${holder} holds a worktree of it, lease ${id}`,
        })),
        ...worktrees.map(({ path }) => ({ code: 'worktree', message: `worktree ${path} belongs to it` })),
      ];
      throw new WtdError('UNSAFE', `the repository ${row.name} still has plans or worktrees`, {
        hint: `remove them first with \`wtd plan remove <plan> --repo ${row.name}\` and \`wtd worktree remove <worktree> --repo ${row.name}\`, ready ones with \`wtd pool drain --repo ${row.name}\``,
        blockers,
      });
    }
    this.#registry.change((tell) => {
      this.#registry.repositories.delete(row.id);
      tell({ type: 'repository.removed', repository: row.name, data: { path: row.path } });
    });
  }

  /** The known repository that is meant. Throws NOT_FOUND. */
  async require(address: Address): Promise<RepositoryRow> {
    const row = await this.resolve(address);
    if (this.#registry.repositories.get(row.id)) return row;
    throw new WtdError('NOT_FOUND', `the repository at ${row.path} is not known`, {
      hint: `add it with \`wtd repo add ${row.path}\``,
      kind: 'repository',
      name: row.path,
    });
  }

  /** For lists: the named repository, or the one around a directory when that one is known; undefined means all. */
  async findForList({ repository, cwd }: Address): Promise<RepositoryRow | undefined> {
    if (repository !== undefined) return this.require({ repository });
    const around = cwd === undefined ? undefined : await this.#findByPath(cwd);
    return around && this.#registry.repositories.get(around.id);
  }

  /**
   * The repository that is meant; one that is not known yet is answered as a row that `keep` would write, so that a
   * refusal later on makes nothing. Throws NOT_FOUND, or AMBIGUOUS when nothing says which of several.
   */
  async resolve({ repository, cwd }: Address): Promise<RepositoryRow> {
    if (repository?.startsWith('/')) return this.#byPath(repository);
    if (repository !== undefined) return this.#byName(repository);
    const around = cwd === undefined ? undefined : await this.#findByPath(cwd);
    if (around) return around;
    const known = this.#registry.repositories.list();
    const [only] = known;
    if (only && known.length === 1) return only;
    if (only) throw ambiguous(known);
    throw new WtdError('NOT_FOUND', cwd === undefined ? 'no repository was named' : `${cwd} is in no git repository`, {
      hint: 'go into a repository, or name one with --repo',
      kind: 'repository',
      name: cwd ?? '',
    });
  }

  #byName(name: string): RepositoryRow {
    const row = this.#registry.repositories.byName(name) ?? this.#registry.repositories.get(name);
    if (row) return row;
    const near = nearNames(
      name,
      this.#registry.repositories.list().map((known) => known.name),
    );
    throw new WtdError('NOT_FOUND', `there is no repository ${name}`, {
      hint:
        near.length > 0
          ? `did you mean ${near.join(' or ')}?`
          : 'see `wtd repo list`, or add it with `wtd repo add <path>`',
      kind: 'repository',
      name,
    });
  }

  async #byPath(path: string): Promise<RepositoryRow> {
    const row = await this.#findByPath(path);
    if (row) return row;
    throw new WtdError('NOT_FOUND', `${path} is not in a git repository`, {
      hint: 'give a directory inside one, or make one with `git init`',
      kind: 'repository',
      name: path,
    });
  }

  async #findByPath(path: string): Promise<RepositoryRow | undefined> {
    return (await this.#knownAround(path)) ?? (await this.#identifyIfAny(path));
  }

  /** Without asking git: the nearest directory with a `.git` is the checkout or a worktree of a known one. */
  async #knownAround(path: string): Promise<RepositoryRow | undefined> {
    for (let directory = await realpath(path).catch(() => '/'); directory !== '/'; directory = dirname(directory)) {
      const hasGit = await lstat(join(directory, '.git')).then(
        () => true,
        () => false,
      );
      if (!hasGit) continue;
      const worktree = this.#registry.worktrees.byPath(directory);
      if (worktree) return this.#registry.repositories.get(worktree.repositoryId);
      return this.#registry.repositories.byCommonDir(join(directory, '.git'));
    }
    return undefined;
  }

  async #identifyIfAny(path: string): Promise<RepositoryRow | undefined> {
    const commonDir = await findCommonDir(this.#git, path);
    if (commonDir === undefined) return undefined;
    const known = this.#registry.repositories.byCommonDir(commonDir);
    if (known) return known;
    const checkout = (await isBare(this.#git, commonDir)) ? commonDir : await findCheckout(this.#git, commonDir, path);
    const defaultBranch = await findDefaultBranch(this.#git, commonDir);
    const addedMeanwhile = this.#registry.repositories.byCommonDir(commonDir);
    if (addedMeanwhile) return addedMeanwhile;
    return {
      ...this.#reserve(commonDir, nameFrom(checkout)),
      path: checkout,
      commonDir,
      defaultBranch,
      description: null,
      channels: [],
      trusted: false,
      trustedHash: null,
      addedAt: this.#clock.now(),
    };
  }

  #reserve(commonDir: string, wanted: string): { id: string; name: string } {
    const reserved = this.#reserved.get(commonDir);
    if (reserved && !this.#registry.repositories.byName(reserved.name)) return reserved;
    if (this.#reserved.size >= mostReserved) this.#reserved.clear();
    const fresh = { id: reserved?.id ?? newId(), name: this.#freeName(wanted) };
    this.#reserved.set(commonDir, fresh);
    return fresh;
  }

  #freeName(wanted: string): string {
    const taken = new Set([...this.#reserved.values()].map(({ name }) => name));
    let name = wanted;
    for (let number = 2; taken.has(name) || this.#registry.repositories.byName(name); number += 1) {
      name = `${wanted}-${number}`;
    }
    return name;
  }
}

const exists = (message: string, name: string): WtdError =>
  new WtdError('ALREADY_EXISTS', message, { hint: `see \`wtd repo show ${name}\``, kind: 'repository', name });

const ambiguous = (known: readonly RepositoryRow[]): WtdError =>
  new WtdError('AMBIGUOUS', `several repositories are known: ${known.map(({ name }) => name).join(', ')}`, {
    hint: 'name one with --repo',
    candidates: known.map(({ name }) => ({ repository: name, confidence: 'low', reason: 'known' })),
  });
