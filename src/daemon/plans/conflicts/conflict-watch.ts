import type { Logger } from '../../log.ts';
import type { EventRow } from '../../registry/events.ts';
import type { Registry } from '../../registry/registry.ts';
import type { RepositoryRow } from '../../registry/rows.ts';
import type { WorktreeFacts } from '../../worktrees/facts.ts';
import type { Collisions } from './collisions.ts';
import type { Conflicts } from './conflicts.ts';

interface Parts {
  registry: Registry;
  worktreeFacts: WorktreeFacts;
  conflicts: Conflicts;
  collisions: Collisions;
  log: Logger;
  isEnding: () => boolean;
}

const lookEveryMs = 3000;

/** Keeps what is known of collisions fresh while two plans of a repository run, at the cost of one git for each look. */
export class ConflictWatch implements AsyncDisposable {
  readonly #parts: Parts;
  /** What the branches were like when they were last compared, by repository. */
  readonly #seen = new Map<string, string>();
  /** Names of repositories in which something ended, so that what collided may no longer do so. */
  readonly #due = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #listening: Disposable | undefined;
  #look: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(): void {
    this.#listening = this.#parts.registry.onEvent((event) => {
      this.#hear(event);
    });
    this.#timer = setInterval(() => {
      this.#look ??= this.#lookAtAll().finally(() => (this.#look = undefined));
    }, lookEveryMs).unref();
  }

  #hear({ type, repository }: EventRow): void {
    if (repository !== null && (type === 'run.ended' || type.startsWith('plan.'))) this.#due.add(repository);
  }

  async #lookAtAll(): Promise<void> {
    const { registry, collisions, log, isEnding } = this.#parts;
    const busy = this.#busy();
    const due = new Set(this.#due);
    this.#due.clear();
    if (busy.size === 0 && due.size === 0) return;
    for (const repository of registry.repositories.list()) {
      if (isEnding()) return;
      const isDue = due.has(repository.name) && collisions.isAny(repository.id);
      if (!isDue && !busy.has(repository.id)) continue;
      try {
        await this.#lookAt(repository);
      } catch (error) {
        log.warn({ repository: repository.name, err: error }, 'its plans could not be compared');
      }
    }
  }

  /** Repositories in which two plans or more run. */
  #busy(): Set<string> {
    const { registry } = this.#parts;
    const counts = new Map<string, number>();
    for (const { planId } of registry.runs.placed()) {
      const id = registry.plans.get(planId)?.repositoryId;
      if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return new Set([...counts].filter(([, count]) => count >= 2).map(([id]) => id));
  }

  async #lookAt(repository: RepositoryRow): Promise<void> {
    const { registry, worktreeFacts, conflicts } = this.#parts;
    const tips = await worktreeFacts.comparisons.tipsOf(repository);
    const print = JSON.stringify(
      registry.plans.of(repository.id).map(({ id, branch, base, outcome }) => {
        const isRunning = registry.runs.activeOf(id) !== undefined;
        return [id, tips.get(branch), tips.get(base ?? repository.defaultBranch ?? ''), isRunning, outcome?.at];
      }),
    );
    if (this.#seen.get(repository.id) === print) return;
    await conflicts.refresh(repository);
    this.#seen.set(repository.id, print);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#listening?.[Symbol.dispose]();
    await this.#look;
  }
}
