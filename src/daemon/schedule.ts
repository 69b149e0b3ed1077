import { setTimeout as sleep } from 'node:timers/promises';
import { createTask, type ScheduledTask } from 'node-cron';
import type { Clock } from '../base/clock.ts';
import type { Configuration } from './config.ts';
import type { Logger } from './log.ts';

const patienceMs = 5000;
const longestWaitMs = 3_600_000;
const names = ['reconcile', 'cleanup'] as const;
type Name = (typeof names)[number];

/** Runs the jobs of `schedule` in the configuration; each runs once at the start, which catches missed runs up. */
export class Schedule implements AsyncDisposable {
  readonly #jobs: Readonly<Record<Name, () => Promise<void>>>;
  readonly #configuration: Configuration;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #calendars = new Set<ScheduledTask>();
  readonly #timers = new Map<Name, NodeJS.Timeout>();
  /** Never two of one kind at once, however long one takes. */
  readonly #running = new Map<Name, Promise<void>>();

  constructor(parts: {
    jobs: Readonly<Record<Name, () => Promise<void>>>;
    configuration: Configuration;
    log: Logger;
    clock: Clock;
  }) {
    this.#clock = parts.clock;
    this.#jobs = parts.jobs;
    this.#configuration = parts.configuration;
    this.#log = parts.log;
  }

  start(): void {
    this.#plan();
    for (const name of names) void this.#run(name);
  }

  /** After the configuration changed. */
  async restart(): Promise<void> {
    await this.#clear();
    this.#plan();
  }

  #plan(): void {
    const { timezone, ...expressions } = this.#configuration.current.schedule;
    const zone = timezone === 'local' ? {} : { timezone };
    for (const name of names) {
      const calendar = createTask(expressions[name], () => undefined, zone);
      this.#calendars.add(calendar);
      this.#arm(name, calendar);
    }
  }

  /**
   * Of node-cron only the calendar: its own timer goes through every run that a clock set forward leaves out, which
   * takes seconds, and waits for the old hour after a clock set back.
   */
  #arm(name: Name, calendar: ScheduledTask): void {
    const due = calendar.getNextRuns(1)[0]?.getTime() ?? Infinity;
    const waitMs = Math.min(Math.max(due - this.#clock.now(), 1), longestWaitMs);
    const timer = setTimeout(() => {
      if (this.#clock.now() >= due) void this.#run(name);
      this.#arm(name, calendar);
    }, waitMs);
    this.#timers.set(name, timer.unref());
  }

  #run(name: Name): Promise<void> {
    const running = this.#running.get(name);
    if (running) return running;
    const job = this.#jobs[name];
    const started = job()
      .catch((error: unknown) => {
        this.#log.error({ job: name, err: error }, 'a scheduled job failed');
      })
      .finally(() => this.#running.delete(name));
    this.#running.set(name, started);
    return started;
  }

  async #clear(): Promise<void> {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const calendar of this.#calendars) await calendar.destroy();
    this.#calendars.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clear();
    await Promise.race([Promise.allSettled(this.#running.values()), sleep(patienceMs, undefined, { ref: false })]);
  }
}
