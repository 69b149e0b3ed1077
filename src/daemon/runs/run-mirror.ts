import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import type { Mirror, Registry } from '../registry/registry.ts';
import type { RunRow } from '../registry/rows.ts';
import type { RunDirectories } from './run-directory.ts';

/** The version of what run.json says. */
export const descriptionVersion = 1;

/** Writes into each run's directory what the registry knows of it, so that it can be restored without the database. */
export class RunMirror implements Mirror {
  readonly #parts: { registry: Registry; directories: RunDirectories; log: Logger };
  /** Runs of which the last state could not be written. */
  readonly #behind = new Set<string>();

  constructor(parts: { registry: Registry; directories: RunDirectories; log: Logger }) {
    this.#parts = parts;
  }

  keep(run: RunRow): void {
    const { registry, directories } = this.#parts;
    const plan = registry.plans.get(run.planId);
    const worktreeId = run.worktreeId ?? plan?.worktreeId ?? null;
    this.#attempt(run.id, () => {
      directories.describe(run.id, {
        version: descriptionVersion,
        newestEvent: registry.events.range().newest,
        run,
        plan,
        repository: plan && registry.repositories.get(plan.repositoryId),
        worktree: worktreeId === null ? null : (registry.worktrees.get(worktreeId) ?? null),
      });
    });
  }

  forget(run: string): void {
    this.#attempt(run, () => {
      this.#parts.directories.forget(run);
    });
  }

  /** Writes what could not be written before. */
  catchUp(): void {
    for (const id of [...this.#behind]) {
      this.#behind.delete(id);
      const run = this.#parts.registry.runs.get(id);
      if (run) this.keep(run);
    }
  }

  /** What an earlier daemon may not have been able to write: the last run of each plan, as an active one is. */
  async keepLatest(): Promise<void> {
    const { registry } = this.#parts;
    for (const { id } of registry.plans.list()) {
      const run = registry.runs.latestOf(id);
      if (run) this.keep(run);
      await nextTurn();
    }
  }

  /** The database is what counts; a full disk or a directory that is gone must not undo a change of it. */
  #attempt(run: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.#behind.add(run);
      this.#parts.log.warn({ run, err: error }, 'what is known of a run could not be kept beside it');
    }
  }
}
