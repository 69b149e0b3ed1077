import { createHash } from 'node:crypto';
import { WtdError } from '../../contract/errors.ts';
import type { Config } from '../config-schema.ts';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import { findBlob, readBlob, sizeOfBlob } from '../git/questions.ts';
import type { RepositoryRow } from '../registry/rows.ts';
import type { OwnConfig } from '../repository-config.ts';
import { findOwnFile, requireSmall, type OwnFile } from './own-file.ts';

/** What holds in a repository, in the words of the configuration. */
export interface Settings {
  /** `base`: what new branches start from; null: the default branch. */
  worktrees: Config['worktrees'] & { base: string | null };
  resources: Config['resources'];
  completion: Config['completion'];
}

/** What a repository's `wtd.yaml` asks to run, and the SHA-256 of the file; null: there is no such file. */
export interface OwnCommands {
  commands: string[][];
  hash: string | null;
}

interface Parts {
  configuration: Configuration;
  git: Git;
}

interface Read {
  version: string;
  hash: string;
  said: OwnConfig;
}

type Parse = (text: string, file: string) => Promise<OwnConfig>;

const ownName = 'wtd.yaml';
const workflowName = '.claude/git-workflow.json';
const mostKept = 1000;

/** The configuration as it holds in a repository: its `wtd.yaml` comes first, then its `git-workflow.json`. */
export class RepositorySettings {
  readonly #parts: Parts;
  /** By path; read again only when the file has changed. */
  readonly #kept = new Map<string, Read>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws INVALID_PARAMS when a file of the repository is not valid. */
  async of(repository: RepositoryRow): Promise<Settings> {
    return this.#with(repository, await this.#readOwn(repository));
  }

  /** The same, for whoever runs its commands: those that were trusted, whatever the file becomes meanwhile. */
  async trusted(repository: RepositoryRow): Promise<Settings> {
    const own = await this.#readOwn(repository);
    requireTrust(repository, own);
    return this.#with(repository, own);
  }

  async #with(repository: RepositoryRow, own: Read | undefined): Promise<Settings> {
    const { current, parseWorkflow } = this.#parts.configuration;
    const file = isBareRow(repository) ? undefined : await findOwnFile(repository.path, workflowName);
    const workflow = file && (await this.#read(file, parseWorkflow));
    const worktrees = { ...current.worktrees, base: null };
    const layers = [workflow?.said ?? {}, own?.said ?? {}];
    const { resources, completion } = current;
    return layers.reduce(overlay, { worktrees, resources, completion }) as Settings;
  }

  /** Throws INVALID_PARAMS when the file is not valid. */
  async commandsOf(repository: RepositoryRow): Promise<OwnCommands> {
    return commandsIn(await this.#readOwn(repository));
  }

  /** Throws UNTRUSTED when the repository has commands that nobody has trusted as they are now. */
  async requireTrusted(repository: RepositoryRow): Promise<void> {
    requireTrust(repository, await this.#readOwn(repository));
  }

  async #readOwn(repository: RepositoryRow): Promise<Read | undefined> {
    const file = isBareRow(repository)
      ? await this.#committed(repository)
      : await findOwnFile(repository.path, ownName);
    return file && this.#read(file, this.#parts.configuration.parseOwn);
  }

  /** A bare repository has no checkout, so that its default branch says it. */
  async #committed({ commonDir, defaultBranch }: RepositoryRow): Promise<OwnFile | undefined> {
    const { git } = this.#parts;
    if (defaultBranch === null) return undefined;
    const path = `${commonDir}:${defaultBranch}:${ownName}`;
    const blob = await findBlob(git, commonDir, `refs/heads/${defaultBranch}:${ownName}`);
    if (blob === undefined) return undefined;
    const read = async () => {
      requireSmall(path, await sizeOfBlob(git, commonDir, blob));
      return Buffer.from(await readBlob(git, commonDir, blob));
    };
    return { path, version: blob, read };
  }

  async #read({ path, version, read }: OwnFile, parse: Parse): Promise<Read> {
    const kept = this.#kept.get(path);
    if (kept?.version === version) return kept;
    const bytes = await read();
    const said = await parse(bytes.toString(), path);
    const fresh = { version, hash: createHash('sha256').update(bytes).digest('hex'), said };
    if (this.#kept.size >= mostKept) this.#kept.clear();
    this.#kept.set(path, fresh);
    return fresh;
  }
}

const commandsIn = (own: Read | undefined): OwnCommands => ({
  commands: [...(own?.said.worktrees?.setup?.run ?? []), ...(own?.said.completion?.verify ?? [])],
  hash: own?.hash ?? null,
});

function requireTrust(repository: RepositoryRow, read: Read | undefined): void {
  const own = commandsIn(read);
  if (own.commands.length > 0 && !isTrusted(repository, own)) throw untrusted(repository, own.commands);
}

/** Only while the file is the one that was trusted; without such a file it stays as it was. Pure. */
export const isTrusted = ({ trusted, trustedHash }: RepositoryRow, { hash }: OwnCommands): boolean =>
  trusted && (hash === null || hash === trustedHash);

const isBareRow = ({ path, commonDir }: RepositoryRow): boolean => path === commonDir;

type Layer = Readonly<Record<string, unknown>>;

const isLayer = (value: unknown): value is Layer =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What the upper one says, else what the lower one does; sections are combined, lists are not. Pure. */
export function overlay(lower: object, upper: object): object {
  const combined: Record<string, unknown> = { ...lower };
  for (const [key, said] of Object.entries(upper)) {
    const below = combined[key];
    if (said !== undefined) combined[key] = isLayer(below) && isLayer(said) ? overlay(below, said) : said;
  }
  return combined;
}

const untrusted = ({ name }: RepositoryRow, commands: readonly string[][]): WtdError =>
  new WtdError(
    'UNTRUSTED',
    `the ${ownName} of ${name} asks to run commands that have not been trusted: ${commands.map((words) => words.join(' ')).join('; ')}`,
    { hint: `read them, then trust them with \`wtd repo trust ${name}\``, repository: name, commands },
  );
