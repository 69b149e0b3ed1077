import { listProcesses, startedWith, type ProcessEntry } from './process-table.ts';

/** The machine's processes at one moment. */
export interface Look {
  processes: readonly ProcessEntry[];
  /** By pid, the run that a process was started for, wherever it went. */
  marks: ReadonlyMap<number, string>;
}

/** Few enough for the descriptors that a daemon may have. */
const readAtOnce = 32;

/** Looks at all processes. Each is asked for its mark once, and many who ask at the same time share a look. */
export class Looks {
  /** A process that has no mark when it begins is never given one later. */
  #known = new Map<number, { start: string; mark: string | undefined }>();
  #underWay: Promise<unknown> = Promise.resolve();
  #next: Promise<Look> | undefined;

  /** A look that begins after the question, so that it sees whatever was done before. */
  next(): Promise<Look> {
    this.#next ??= this.#underWay.then(() => {
      this.#next = undefined;
      const look = this.#look();
      this.#underWay = look.catch(() => undefined);
      return look;
    });
    return this.#next;
  }

  async #look(): Promise<Look> {
    const processes = await listProcesses();
    const known = new Map<number, { start: string; mark: string | undefined }>();
    for (let at = 0; at < processes.length; at += readAtOnce) {
      const some = processes.slice(at, at + readAtOnce).map(async ({ pid, start }) => {
        const before = this.#known.get(pid);
        known.set(pid, before?.start === start ? before : { start, mark: await startedWith(pid, 'WTD_RUN') });
      });
      await Promise.all(some);
    }
    this.#known = known;
    const marks = [...known].flatMap(([pid, { mark }]): [number, string][] =>
      mark === undefined ? [] : [[pid, mark]],
    );
    return { processes, marks: new Map(marks) };
  }
}
