import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { Clock } from '../../base/clock.ts';
import type { EventType } from '../../contract/events.ts';
import { openDatabase } from './database.ts';
import { EventRows, type EventRow } from './events.ts';
import { PlanRows } from './plans.ts';
import { RepositoryRows } from './repositories.ts';
import { RunRows } from './runs.ts';
import type { Answers } from './table.ts';
import { isPassingTrouble } from './trouble.ts';
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

const retryPauseMs = 250;

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

  /** Like change, but tries again while the disk is full or somebody else writes; the first time at once. */
  async changeOnceWritable<T>(apply: (tell: Tell) => T): Promise<T> {
    for (;;) {
      try {
        return this.change(apply);
      } catch (error) {
        if (!isPassingTrouble(error)) throw error;
      }
      await sleep(retryPauseMs, undefined, { ref: false });
    }
  }

  #commit<T>(apply: () => T): T {
    try {
      return this.#database.transaction(apply).immediate();
    } catch (error) {
      this.#answers.clear(); // some may tell of what was just rolled back
      throw error;
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
