import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTask, type ScheduledTask } from 'node-cron';
import type { Clock } from '../base/clock.ts';
import type { Configuration } from './config.ts';
import type { Logger } from './log.ts';

const patienceMs = 5000;
const longestWaitMs = 3_600_000;
const names = ['reconcile', 'cleanup'] as const;
type Name = (typeof names)[number];

/** `isDue`: by the calendar, or it was missed while no daemon lived; false: it is only the start of a daemon. */
type Job = (isDue: boolean) => Promise<void>;

/** Runs the jobs of `schedule` in the configuration, and each once at the start. */
export class Schedule implements AsyncDisposable {
  readonly #jobs: Readonly<Record<Name, Job>>;
  readonly #configuration: Configuration;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #dueFile: string;
  readonly #calendars = new Map<Name, ScheduledTask>();
  #hasEnded = false;
  readonly #timers = new Map<Name, NodeJS.Timeout>();
  /** Never two of one kind at once, however long one takes. */
  readonly #running = new Map<Name, Promise<void>>();

  constructor(parts: {
    jobs: Readonly<Record<Name, Job>>;
    /** Where it is kept when the cleanup is due next, so that one that is missed is caught up. */
    dueFile: string;
    configuration: Configuration;
    log: Logger;
    clock: Clock;
  }) {
    this.#clock = parts.clock;
    this.#jobs = parts.jobs;
    this.#configuration = parts.configuration;
    this.#log = parts.log;
    this.#dueFile = parts.dueFile;
  }

  start(): void {
    this.#plan();
    void this.#run('reconcile', true);
    void this.#isMissed().then((isMissed) => this.#run('cleanup', isMissed));
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
      this.#calendars.set(name, calendar);
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
      if (this.#clock.now() >= due) void this.#run(name, true);
      this.#arm(name, calendar);
    }, waitMs);
    this.#timers.set(name, timer.unref());
  }

  /** Whether a cleanup was due while nobody could do it. A daemon that never lived before has missed nothing. */
  async #isMissed(): Promise<boolean> {
    const due = Number(await readFile(this.#dueFile, 'latin1').catch(() => NaN));
    return due <= this.#clock.now();
  }

  #run(name: Name, isDue: boolean): Promise<void> {
    const running = this.#running.get(name);
    if (running) return running;
    if (this.#hasEnded) return Promise.resolve();
    const job = this.#jobs[name];
    const started = job(isDue)
      .then(() => (name === 'cleanup' ? this.#keepDue() : undefined))
      .catch((error: unknown) => {
        this.#log.error({ job: name, err: error }, 'a scheduled job failed');
      })
      .finally(() => this.#running.delete(name));
    this.#running.set(name, started);
    return started;
  }

  /** Only after a success: one that failed is due still. */
  async #keepDue(): Promise<void> {
    const due = this.#calendars.get('cleanup')?.getNextRuns(1)[0]?.getTime();
    if (due !== undefined) await writeFile(this.#dueFile, String(due), { mode: 0o600 });
  }

  async #clear(): Promise<void> {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const calendar of this.#calendars.values()) await calendar.destroy();
    this.#calendars.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    await this.#clear();
    await Promise.race([Promise.allSettled(this.#running.values()), sleep(patienceMs, undefined, { ref: false })]);
  }
}
