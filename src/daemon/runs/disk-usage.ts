import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../commands/commands.ts';

const bytesPerKibibyte = 1024;
const bytesPerMegabyte = 1_000_000;
const timeoutMs = 60_000;
/** What nobody set a limit for is measured for at most a twentieth of the time. */
const restFactor = 20;

interface Place {
  run: string;
  path: string;
  /** There is a limit for it, so it is measured as often as everything else. */
  isLimited: boolean;
}

interface Options {
  intervalMs: () => number;
  runs: () => readonly Place[];
  environment: Readonly<Record<string, string>>;
  onError: (error: unknown) => void;
}

interface Known {
  /** Null: it could not be measured. */
  megabytes: number | null;
  /** Of the monotonic clock. */
  dueAt: number;
  /** How often it was measured. */
  count: number;
}

/** The disk space of worktrees, measured in the background, one at a time. */
export class DiskUsage implements AsyncDisposable {
  readonly #options: Options;
  readonly #known = new Map<string, Known>();
  #restUntil = 0;
  readonly #stopped = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#measureForever();
  }

  of(run: string): Pick<Known, 'megabytes' | 'count'> {
    return this.#known.get(run) ?? { megabytes: null, count: 0 };
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
    const runs = this.#options.runs();
    const wanted = new Set(runs.map(({ run }) => run));
    for (const run of this.#known.keys()) if (!wanted.has(run)) this.#known.delete(run);
    const [next] = runs.map((place) => ({ place, dueAt: this.#dueAt(place) })).sort((a, b) => a.dueAt - b.dueAt);
    const intervalMs = this.#options.intervalMs();
    if (!next) return intervalMs;
    const waitMs = next.dueAt - performance.now();
    if (waitMs > 0) return Math.min(waitMs, intervalMs);
    await this.#measure(next.place);
    return 0;
  }

  #dueAt({ run, isLimited }: Place): number {
    const dueAt = this.#known.get(run)?.dueAt ?? 0;
    return isLimited ? dueAt : Math.max(dueAt, this.#restUntil);
  }

  async #measure({ run, path, isLimited }: Place): Promise<void> {
    const began = performance.now();
    const megabytes = await measure(path, this.#options.environment).catch(() => null);
    const now = performance.now();
    const restMs = isLimited ? 0 : (now - began) * restFactor;
    const dueAt = now + Math.max(this.#options.intervalMs(), restMs);
    if (!isLimited) this.#restUntil = now + restMs;
    this.#known.set(run, { megabytes, dueAt, count: this.of(run).count + 1 });
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
