import { startedWith, type ProcessEntry } from './process-table.ts';

interface Mark {
  start: string;
  /** Undefined: it has none, or we may not read it. */
  run: string | undefined;
}

/** Which processes of the machine were started as a part of a run, wherever they went; each is asked once. */
export class Marks {
  #known = new Map<number, Mark>();

  /** By run: its marked processes, as pid and start time. */
  async find(processes: readonly ProcessEntry[]): Promise<ReadonlyMap<string, [pid: number, start: string][]>> {
    const known = new Map<number, Mark>();
    const found = new Map<string, [number, string][]>();
    for (const { pid, start } of processes) {
      const before = this.#known.get(pid);
      const mark = before?.start === start ? before : { start, run: await startedWith(pid, 'WTD_RUN') };
      known.set(pid, mark);
      if (mark.run !== undefined) found.set(mark.run, [...(found.get(mark.run) ?? []), [pid, start]]);
    }
    this.#known = known;
    return found;
  }
}
