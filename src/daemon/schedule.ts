import { setTimeout as sleep } from 'node:timers/promises';
import { schedule, type ScheduledTask } from 'node-cron';
import type { Configuration } from './config.ts';
import type { Logger } from './log.ts';

const patienceMs = 5000;
const names = ['reconcile', 'cleanup'] as const;
type Name = (typeof names)[number];

/** Runs the jobs of `schedule` in the configuration; each runs once at the start, which catches missed runs up. */
export class Schedule implements AsyncDisposable {
  readonly #jobs: Readonly<Record<Name, () => Promise<void>>>;
  readonly #configuration: Configuration;
  readonly #log: Logger;
  #tasks: ScheduledTask[] = [];
  /** Never two of one kind at once, however long one takes. */
  readonly #running = new Map<Name, Promise<void>>();

  constructor(parts: { jobs: Readonly<Record<Name, () => Promise<void>>>; configuration: Configuration; log: Logger }) {
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
    const options = { noOverlap: true, unref: true, suppressMissedWarning: true, ...zone };
    this.#tasks = [];
    for (const name of names) {
      this.#tasks.push(schedule(expressions[name], () => this.#run(name), { ...options, name }));
    }
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
    for (const task of this.#tasks.splice(0)) await task.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clear();
    await Promise.race([Promise.allSettled(this.#running.values()), sleep(patienceMs, undefined, { ref: false })]);
  }
}
