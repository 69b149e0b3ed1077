import { cpus } from 'node:os';

/** Long enough that one busy moment does not count, short enough to be now. */
const windowMs = 3000;
const shortestMs = 100;
const readingMs = 1000;

interface Reading {
  at: number;
  busy: number;
  total: number;
}

/** How busy the machine was in the last seconds. It reads only while somebody wants to know. */
export class MachineCpu implements AsyncDisposable {
  readonly #isWanted: () => boolean;
  #readings: Reading[] = [read()];
  #timer: NodeJS.Timeout | undefined;

  constructor(isWanted: () => boolean) {
    this.#isWanted = isWanted;
  }

  start(): void {
    this.#timer = setInterval(() => {
      if (this.#isWanted()) this.#keep(read());
    }, readingMs);
    this.#timer.unref();
  }

  /** Of all cores together, 0 to 100; null when it is not known yet. */
  percent(): number | null {
    const now = read();
    const before = this.#readings.find(({ at }) => now.at - at <= windowMs && now.at - at >= shortestMs);
    if (!before) {
      this.#keep(now);
      return null;
    }
    const total = now.total - before.total;
    return total <= 0 ? null : Math.round(((now.busy - before.busy) / total) * 1000) / 10;
  }

  #keep(reading: Reading): void {
    this.#readings = [...this.#readings.filter(({ at }) => reading.at - at <= windowMs), reading];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    return Promise.resolve();
  }
}

function read(): Reading {
  const times = cpus().map((cpu) => cpu.times);
  const total = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  return { at: performance.now(), total, busy: total - times.reduce((sum, { idle }) => sum + idle, 0) };
}
