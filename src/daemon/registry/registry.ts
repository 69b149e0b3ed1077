import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import type { EventType } from '../../contract/events.ts';
import { DatabaseFile, type Loss } from './database.ts';
import { EventRows, type EventRow } from './events.ts';
import { LeaseRows } from './leases.ts';
import { PlanRows } from './plans.ts';
import { RepositoryRows } from './repositories.ts';
import type { RunRow } from './rows.ts';
import { RunRows } from './runs.ts';
import { SnapshotRows } from './snapshots.ts';
import type { Store } from './table.ts';
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

export type Tell = (happening: Happening) => void;
type Listener = (event: EventRow) => void;

/** Keeps what the registry knows of runs a second time, outside of the database. */
export interface Mirror {
  /** After a change was written. */
  keep(run: RunRow): void;
  /** Before a deletion is written: from here on nobody may restore the run. */
  forget(run: string): void;
}

const retryPauseMs = 250;

/** Ownership and intent, on disk. Every change goes through `change`, together with the events that tell of it. */
export class Registry implements Disposable {
  readonly repositories: RepositoryRows;
  readonly worktrees: WorktreeRows;
  readonly plans: PlanRows;
  readonly runs: RunRows;
  readonly leases: LeaseRows;
  readonly snapshots: SnapshotRows;
  readonly events: EventRows;
  readonly #file: DatabaseFile;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #listeners = new Set<Listener>();
  #mirror: Mirror | undefined;
  #trouble: string | null = null;

  constructor(options: { file: string; runsDirectory: string; clock: Clock }) {
    this.#clock = options.clock;
    this.#file = new DatabaseFile(options.file, options.runsDirectory);
    const touched = { written: new Set<string>(), deleted: new Set<string>() };
    this.#store = { database: this.#file.database, answers: new Map(), touched };
    this.repositories = new RepositoryRows(this.#store);
    this.worktrees = new WorktreeRows(this.#store);
    this.runs = new RunRows(this.#store);
    this.leases = new LeaseRows(this.#store);
    this.snapshots = new SnapshotRows(this.#store);
    this.plans = new PlanRows(this.#store, this.runs);
    this.events = new EventRows(this.#store);
  }

  /** What was lost when it was opened; null: nothing. */
  get loss(): Loss | null {
    return this.#file.loss;
  }

  mirrorTo(mirror: Mirror): void {
    this.#mirror = mirror;
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

  /** A part of a change that is written whole or not at all, whatever becomes of the rest. */
  part<T>(apply: () => T): T {
    try {
      return this.#store.database.transaction(apply)();
    } catch (error) {
      this.#store.answers.clear();
      throw error;
    }
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
    const { database, answers, touched } = this.#store;
    if (database.inTransaction) return apply();
    const mirrored = new Set<string>();
    const write = () => {
      const result = apply();
      for (const run of [...touched.written, ...touched.deleted]) mirrored.add(run);
      for (const run of touched.deleted) this.#mirror?.forget(run);
      return result;
    };
    try {
      return database.transaction(write).immediate();
    } catch (error) {
      answers.clear(); // some may tell of what was just rolled back
      throw error;
    } finally {
      touched.written.clear();
      touched.deleted.clear();
      this.#keep(mirrored);
    }
  }

  #keep(runs: ReadonlySet<string>): void {
    for (const id of runs) {
      const run = this.runs.get(id);
      if (run) this.#mirror?.keep(run);
    }
  }

  /** Writes the database again when somebody took its file away. Answers whether that was so. */
  keepOnDisk(): boolean {
    try {
      const isWritten = this.#file.keepOnDisk();
      this.#store.database = this.#file.database;
      this.#trouble = null;
      return isWritten;
    } catch (error) {
      this.#trouble = (error as Error).message;
      throw error;
    }
  }

  /** Why changes may not outlive this daemon; null: nothing is wrong. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Proves that it can be read and written, and leaves it as it is. Throws when it cannot. */
  check(): void {
    const { database } = this.#store;
    database.exec('BEGIN IMMEDIATE');
    try {
      const version = database.pragma('user_version', { simple: true }) as number;
      database.pragma(`user_version = ${version}`);
    } finally {
      database.exec('ROLLBACK');
    }
  }

  onEvent(listener: Listener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
