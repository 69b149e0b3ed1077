import type { Database } from 'better-sqlite3';
import type { Clock } from '../../base/clock.ts';
import type { EventType } from '../../contract/events.ts';
import { openDatabase } from './database.ts';
import { EventRows, type EventRow } from './events.ts';
import { PlanRows } from './plans.ts';
import { RepositoryRows } from './repositories.ts';
import { RunRows } from './runs.ts';
import type { Answers } from './table.ts';
import { WorktreeRows } from './worktrees.ts';

/** What an event is about; names and ids as in the contract's Event. */
export interface Happening {
  type: EventType;
  repository?: string | null;
  plan?: string | null;
  run?: string | null;
  worktree?: string | null;
  data?: Record<string, unknown>;
}

type Tell = (happening: Happening) => void;
type Listener = (event: EventRow) => void;

/** Ownership and intent, on disk. Every change goes through `change`, together with the events that tell of it. */
export class Registry implements Disposable {
  readonly repositories: RepositoryRows;
  readonly worktrees: WorktreeRows;
  readonly plans: PlanRows;
  readonly runs: RunRows;
  readonly events: EventRows;
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #listeners = new Set<Listener>();
  readonly #answers: Answers = new Map();

  constructor(options: { file: string; runsDirectory: string; clock: Clock }) {
    this.#database = openDatabase(options.file, options.runsDirectory);
    this.#clock = options.clock;
    const store = { database: this.#database, answers: this.#answers };
    this.repositories = new RepositoryRows(store);
    this.worktrees = new WorktreeRows(store);
    this.plans = new PlanRows(store);
    this.runs = new RunRows(store);
    this.events = new EventRows(this.#database);
  }

  /** Applies a change whole or not at all; listeners hear of its events once it is on disk. */
  change<T>(apply: (tell: Tell) => T): T {
    const told: EventRow[] = [];
    const tell: Tell = (happening) => {
      const event = {
        at: this.#clock.now(),
        type: happening.type,
        repository: happening.repository ?? null,
        plan: happening.plan ?? null,
        run: happening.run ?? null,
        worktree: happening.worktree ?? null,
        data: happening.data ?? {},
      };
      told.push({ seq: this.events.append(event), ...event });
    };
    const result = this.#commit(() => apply(tell));
    for (const event of told) for (const listener of this.#listeners) listener(event);
    return result;
  }

  #commit<T>(apply: () => T): T {
    try {
      return this.#database.transaction(apply).immediate();
    } catch (error) {
      this.#answers.clear(); // some may tell of what was just rolled back
      throw error;
    }
  }

  /** Proves that it can be read and written, and leaves it as it is. Throws when it cannot. */
  check(): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const version = this.#database.pragma('user_version', { simple: true }) as number;
      this.#database.pragma(`user_version = ${version}`);
    } finally {
      this.#database.exec('ROLLBACK');
    }
  }

  onEvent(listener: Listener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
