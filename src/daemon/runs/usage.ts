import { setTimeout as sleep } from 'node:timers/promises';
// Not loaded late: an import that fails for want of descriptors fails for good.
import pidusage from 'pidusage';
import { isoTime, type Clock } from '../../base/clock.ts';
import type { Peak, Usage } from '../../contract/models.ts';
import type { Look, Looks } from './looks.ts';
import { readProportionalMemory, type ProcessEntry } from './process-table.ts';
import { selectTree, type TreeRoots } from './tree.ts';

const bytesPerMegabyte = 1_000_000;
const nothing: Look = { processes: [], marks: new Map() };
const round = (value: number): number => Math.round(value * 10) / 10;

interface MonitorOptions {
  clock: Clock;
  intervalMs: () => number;
  runs: () => readonly TreeRoots[];
  looks: Looks;
  /** What a run may have; null: as much as it likes. */
  memoryLimitMbOf: (run: string) => number | null;
  /** Of a run's worktree; null: not known. */
  diskMbOf: (run: string) => number | null;
  onError: (error: unknown) => void;
}

/** Samples the processes of every run: one look at the process table and one call of pidusage for all of them. */
export class UsageMonitor implements AsyncDisposable {
  readonly #options: MonitorOptions;
  readonly #latest = new Map<string, Usage>();
  readonly #peaks = new Map<string, Peak>();
  /** pidusage answers 0 for the first sample of a process, so it is not counted. */
  #seen = new Map<number, string>();
  /** The processes of each run at the last look: one stays the run's even when what tied it to the run has ended. */
  #trees = new Map<string, ReadonlyMap<number, string>>();
  #listener: (samples: ReadonlyMap<string, Usage>) => void = () => undefined;
  readonly #stopped = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#sampleForever();
  }

  usageOf(run: string): Usage | null {
    return this.#latest.get(run) ?? null;
  }

  peakOf(run: string): Peak | null {
    return this.#peaks.get(run) ?? null;
  }

  /** Called when a run has ended. */
  forget(run: string): void {
    this.#latest.delete(run);
    this.#peaks.delete(run);
  }

  /** Called after every look with what was measured, by run. */
  onSampled(listener: (samples: ReadonlyMap<string, Usage>) => void): void {
    this.#listener = listener;
  }

  async sample(): Promise<void> {
    const runs = this.#options.runs();
    const { processes, marks }: Look = runs.length === 0 ? nothing : await this.#options.looks.next();
    const trees = runs.map((roots) => {
      const found = this.#trees.get(roots.run) ?? new Map<number, string>();
      return { run: roots.run, tree: selectTree(processes, { ...roots, found }, { marks }) };
    });
    const measured = await measure(
      trees.flatMap(({ tree }) => tree.map(({ pid }) => pid)),
      this.#options.intervalMs(),
    );
    const shared = await this.#measureShared(trees, measured);
    const current = new Set(this.#options.runs().map(({ run }) => run)); // some may have ended meanwhile
    const samples = trees
      .filter(({ run }) => current.has(run))
      .flatMap(({ run, tree }) => this.#keep({ run, tree, memory: shared.get(run) }, measured));
    this.#trees = new Map(trees.map(({ run, tree }) => [run, new Map(tree.map(({ pid, start }) => [pid, start]))]));
    this.#seen = new Map([...this.#trees.values()].flatMap((tree) => [...tree]));
    this.#listener(new Map(samples));
  }

  /**
   * Bytes of those runs that seem to have more than they may: processes that forked share most of their pages, which
   * only this dearer look tells.
   */
  async #measureShared(
    trees: readonly { run: string; tree: readonly ProcessEntry[] }[],
    measured: Measured,
  ): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (const { run, tree } of trees) {
      const limitMb = this.#options.memoryLimitMbOf(run);
      const resident = sum(tree.map(({ pid }) => measured[pid]?.memory ?? 0));
      if (limitMb === null || resident <= limitMb * bytesPerMegabyte) continue;
      const parts = await Promise.all(tree.map(({ pid }) => readProportionalMemory(pid)));
      if (!parts.includes(undefined)) found.set(run, sum(parts.map((part) => part ?? 0)));
    }
    return found;
  }

  #keep(
    { run, tree, memory }: { run: string; tree: readonly ProcessEntry[]; memory: number | undefined },
    measured: Measured,
  ): [string, Usage][] {
    const found = tree.flatMap(({ pid, start }) => {
      const sample = measured[pid];
      return sample ? [{ memory: sample.memory, cpu: this.#seen.get(pid) === start ? sample.cpu : null }] : [];
    });
    if (found.length === 0) return [];
    const rated = found.flatMap(({ cpu }) => cpu ?? []);
    const usage: Usage = {
      cpuPercent: rated.length === 0 ? null : round(sum(rated)),
      memoryMb: round((memory ?? sum(found.map((each) => each.memory))) / bytesPerMegabyte),
      diskMb: this.#options.diskMbOf(run),
      processes: found.length,
      sampledAt: isoTime(this.#options.clock.now()),
    };
    this.#latest.set(run, usage);
    const peak = this.#peaks.get(run);
    this.#peaks.set(run, {
      cpuPercent: larger(peak?.cpuPercent ?? null, usage.cpuPercent),
      memoryMb: larger(peak?.memoryMb ?? null, usage.memoryMb),
      diskMb: larger(peak?.diskMb ?? null, usage.diskMb),
    });
    return [[run, usage]];
  }

  async #sampleForever(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.sample().catch(this.#options.onError);
      await sleep(this.#options.intervalMs(), undefined, { signal: this.#stopped.signal, ref: false }).catch(
        () => undefined,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }
}

type Measured = Record<string, { cpu: number; memory: number } | undefined>;

async function measure(pids: number[], intervalMs: number): Promise<Measured> {
  if (pids.length === 0) return {};
  // It keeps a descriptor for each process as long as maxage; a process may end between the look and the call.
  return pidusage(pids, { maxage: intervalMs * 3 }).catch(() => ({}));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const larger = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.max(one, other);
