import type { Clock } from '../base/clock.ts';
import type { Logger } from './log.ts';

const lookEveryMs = 1000;
/** Less is a clock that is kept right. */
const jumpMs = 2000;
const hourMs = 3_600_000;

interface Parts {
  clock: Clock;
  log: Logger;
  /** What the clock showed when it was last seen, by an earlier daemon; null when there was none. */
  lastSeen: number | null;
}

/** Holds the clock, which people and networks set back and forth, against one that only ever goes on. */
export class ClockWatch implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #timer: NodeJS.Timeout;
  #offset: number;
  /** Of the monotonic clock: when the clock went wrong last, or -Infinity. */
  #doubtfulSince = -Infinity;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#offset = this.#read();
    const { clock, lastSeen } = parts;
    if (lastSeen !== null) this.#judge(clock.now() - lastSeen);
    this.#timer = setInterval(() => {
      this.#look();
    }, lookEveryMs).unref();
  }

  /** Whether something may be called old: the clock has not jumped over an hour within the last hour. */
  isTrusted(): boolean {
    this.#look();
    return performance.now() - this.#doubtfulSince > hourMs;
  }

  #look(): void {
    const offset = this.#read();
    const by = offset - this.#offset;
    if (Math.abs(by) < jumpMs) return;
    this.#offset = offset;
    this.#judge(by);
  }

  /** After a long pause it may be right all the same; an hour later nobody will have corrected it any more. */
  #judge(by: number): void {
    if (Math.abs(by) < jumpMs) return;
    const isDoubtful = Math.abs(by) > hourMs;
    if (isDoubtful) this.#doubtfulSince = performance.now();
    const consequence = isDoubtful
      ? 'the clock jumped; for an hour nothing is deleted for its age'
      : 'the clock jumped';
    this.#parts.log.warn({ seconds: Math.round(by / 1000) }, consequence);
  }

  #read(): number {
    return this.#parts.clock.now() - performance.now();
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    return Promise.resolve();
  }
}
