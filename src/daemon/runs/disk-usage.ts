import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../commands/commands.ts';

const bytesPerKibibyte = 1024;
const bytesPerMegabyte = 1_000_000;
const timeoutMs = 60_000;
/** What nobody set a limit for is measured for at most a twentieth of the time. */
const restFactor = 20;
/** What nothing runs in is measured again for at most a hundredth of the time, and each not more often than this. */
const idleRestFactor = 100;
const idleIntervalMs = 600_000;

interface Place {
  path: string;
  /** `limited`: there is a limit for it, so it is measured as often as everything else. `idle`: nothing runs in it. */
  use: 'limited' | 'unlimited' | 'idle';
}

interface Options {
  intervalMs: () => number;
  places: () => readonly Place[];
  environment: Readonly<Record<string, string>>;
  onError: (error: unknown) => void;
}

interface Known {
  /** Null: it could not be measured. */
  megabytes: number | null;
  /** Of the monotonic clock. */
  measuredAt: number;
  tookMs: number;
  /** How often it was measured. */
  count: number;
}

/**
 * The disk space of worktrees, measured in the background, one at a time. Blocks that a file shares with others by a
 * reflink are counted for each.
 */
export class DiskUsage implements AsyncDisposable {
  readonly #options: Options;
  readonly #known = new Map<string, Known>();
  /** Of the monotonic clock: until then only what is limited is measured. */
  #restUntil = 0;
  #lastIdle = { measuredAt: 0, tookMs: 0 };
  readonly #stopped = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#measureForever();
  }

  /** Of the worktree with this path. */
  of(path: string | null): Pick<Known, 'megabytes' | 'count'> {
    return this.#known.get(path ?? '') ?? { megabytes: null, count: 0 };
  }

  async #measureForever(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const waitMs = await this.#measureNext().catch((error: unknown) => {
        this.#options.onError(error);
        return this.#options.intervalMs();
      });
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Measures the worktree that waits longest, if it is time; answers how long to wait for the next. */
  async #measureNext(): Promise<number> {
    const places = this.#options.places();
    const wanted = new Set(places.map(({ path }) => path));
    for (const path of this.#known.keys()) if (!wanted.has(path)) this.#known.delete(path);
    const [next] = places.map((place) => ({ place, dueAt: this.#dueAt(place) })).sort((a, b) => a.dueAt - b.dueAt);
    const intervalMs = this.#options.intervalMs();
    if (!next) return intervalMs;
    const waitMs = next.dueAt - performance.now();
    if (waitMs > 0) return Math.min(waitMs, intervalMs);
    await this.#measure(next.place);
    return 0;
  }

  #dueAt({ path, use }: Place): number {
    const { measuredAt, tookMs, count } = this.#known.get(path) ?? { measuredAt: -Infinity, tookMs: 0, count: 0 };
    const intervalMs = this.#options.intervalMs();
    switch (use) {
      case 'limited':
        return measuredAt + intervalMs;
      case 'unlimited':
        return Math.max(measuredAt + Math.max(intervalMs, tookMs * restFactor), this.#restUntil);
      case 'idle':
        return Math.max(measuredAt + idleIntervalMs, this.#idleRestUntil(count));
    }
  }

  #idleRestUntil(count: number): number {
    const { measuredAt, tookMs } = this.#lastIdle;
    return measuredAt + tookMs * (count === 0 ? restFactor : idleRestFactor);
  }

  async #measure({ path, use }: Place): Promise<void> {
    const began = performance.now();
    const megabytes = await measure(path, this.#options.environment).catch(() => null);
    const measuredAt = performance.now();
    const tookMs = measuredAt - began;
    if (use === 'unlimited') this.#restUntil = measuredAt + tookMs * restFactor;
    if (use === 'idle') this.#lastIdle = { measuredAt, tookMs };
    this.#known.set(path, { megabytes, measuredAt, tookMs, count: this.of(path).count + 1 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await Promise.race([this.#loop, sleep(0)]); // a measurement under way harms nobody
  }
}

/** Files that vanish meanwhile make du complain, but not wrong. */
async function measure(path: string, env: Readonly<Record<string, string>>): Promise<number | null> {
  const args = ['-s', '-k', '-x', '--', path];
  const text = await runCommand({ program: 'du', args, env, timeoutMs, mayFail: true });
  const kibibytes = /^\d+/.exec(text)?.[0];
  if (kibibytes === undefined) return null;
  return Math.round((Number(kibibytes) * bytesPerKibibyte) / (bytesPerMegabyte / 10)) / 10;
}
