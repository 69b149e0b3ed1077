import type { Configuration } from '../../config.ts';
import type { RepositoryRow } from '../../registry/rows.ts';
import type { RepositorySettings, Settings } from '../../repositories/settings.ts';

type Worktrees = Settings['worktrees'];

interface Known {
  at: number;
  said: Worktrees | undefined;
}

/** What is said in files is read again this often; whoever acquires reads them himself. */
const freshMs = 10_000;

/** What the pool of a repository is to be like: at once, from what was last read of its files. */
export class PoolSettings {
  readonly #parts: { configuration: Configuration; settings: RepositorySettings };
  readonly #known = new Map<string, Known>();

  constructor(parts: { configuration: Configuration; settings: RepositorySettings }) {
    this.#parts = parts;
  }

  /** The configuration's own, as long as nothing valid was read. */
  of({ id }: RepositoryRow): Worktrees {
    return this.#known.get(id)?.said ?? { ...this.#parts.configuration.current.worktrees, base: null };
  }

  /** What ready worktrees stand on; null: nobody said, and there is no default branch. */
  baseOf(repository: RepositoryRow): string | null {
    return this.of(repository).base ?? repository.defaultBranch;
  }

  /** Throws INVALID_PARAMS when a file of the repository is not valid; what was said before holds on. */
  async refresh(repository: RepositoryRow): Promise<Worktrees> {
    const { worktrees } = await this.#parts.settings.of(repository);
    this.#known.set(repository.id, { at: performance.now(), said: worktrees });
    return worktrees;
  }

  /** For whoever looks often and at many: a file that is not valid must not keep anybody from giving back. */
  async refreshOld(repositories: readonly RepositoryRow[]): Promise<void> {
    const ids = new Set(repositories.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    for (const repository of repositories) {
      const known = this.#known.get(repository.id);
      if (known && performance.now() - known.at < freshMs) continue;
      this.#known.set(repository.id, { at: performance.now(), said: known?.said });
      await this.refresh(repository).catch(() => undefined);
    }
  }
}
