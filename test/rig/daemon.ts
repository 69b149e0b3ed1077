import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Place } from './place.ts';
import { Program, type Finished } from './program.ts';
import { until } from './until.ts';

/** A daemon in the foreground, as a service manager would run it. Its runs outlive it. */
export class Daemon implements AsyncDisposable {
  readonly #program: Program;
  readonly #place: Place;
  /** Whoever ends it on purpose says so; any other end fails the test. */
  #isExpectedToEnd = false;

  constructor(place: Place, env: Readonly<Record<string, string>> = {}, descriptors?: number) {
    this.#place = place;
    const limit = descriptors === undefined ? {} : { descriptors };
    const environment = { ...place.env, WTD_CHECK_RESULTS: '1', ...env };
    this.#program = new Program(['daemon'], { cwd: '/', env: environment, ...limit });
  }

  static async start(place: Place, env?: Readonly<Record<string, string>>, descriptors?: number): Promise<Daemon> {
    const daemon = new Daemon(place, env, descriptors);
    await daemon.untilServing();
    return daemon;
  }

  get pid(): number {
    return this.#program.pid;
  }

  get isServing(): boolean {
    return this.#program.stdout.includes('wtd serves on ') && !this.#program.hasEnded;
  }

  /** Its end, awaited by a test that expects one. */
  async ended(): Promise<Finished> {
    this.#isExpectedToEnd = true;
    return this.#program.finished();
  }

  async untilServing(): Promise<void> {
    await until(() => this.isServing || this.#program.hasEnded, 'the daemon serves');
    if (!this.isServing) throw new Error(`the daemon ended before it served: ${this.#program.stderr}`);
  }

  /** Until it serves or has ended: true when it serves. */
  async untilDecided(): Promise<boolean> {
    await until(() => this.isServing || this.#program.hasEnded, 'the daemon serves or ends');
    this.#isExpectedToEnd ||= !this.isServing;
    return this.isServing;
  }

  /** SIGKILL: no chance to tidy up. */
  async kill(): Promise<void> {
    this.#isExpectedToEnd = true;
    this.#program.kill('SIGKILL');
    await this.#program.ended;
  }

  /** A clean end by signal; runs live on. */
  async terminate(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<Finished> {
    this.#isExpectedToEnd = true;
    this.#program.kill(signal);
    return this.#program.finished();
  }

  reload(): void {
    this.#program.kill('SIGHUP');
  }

  /** The last lines of its log, for whoever wonders. */
  readLog(): string {
    const logs = join(this.#place.home, 'logs');
    if (!existsSync(logs)) return '';
    return readdirSync(logs, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => readFileSync(join(logs, name), 'utf8'))
      .join('')
      .split('\n')
      .slice(-30)
      .join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isExpectedToEnd) {
      this.#program.kill('SIGKILL');
      await this.#program.ended;
      return;
    }
    const hadEnded = this.#program.hasEnded;
    this.#program.kill('SIGTERM');
    const { exitCode, signal, stderr } = await this.#program.finished();
    const end = hadEnded ? 'it ended by itself' : `it ended with ${exitCode ?? String(signal)}`;
    // Soft, so that what the test itself found is told as well.
    expect.soft(end, `the daemon's end; it said: ${stderr}\n${this.readLog()}`).toBe('it ended with 0');
  }
}
