import type { RunRow } from '../registry/rows.ts';
import type { RunLedger } from './ledger.ts';
import { readLines, type LogLine } from './log-files.ts';
import { isActive } from './machine.ts';
import type { RunDirectories } from './run-directory.ts';

interface Wanted {
  tail?: number | undefined;
  from?: number | undefined;
  follow?: boolean | undefined;
}

/** What runs have written. */
export class RunLogs {
  readonly #ledger: RunLedger;
  readonly #directories: RunDirectories;

  constructor(ledger: RunLedger, directories: RunDirectories) {
    this.#ledger = ledger;
    this.#directories = directories;
  }

  /** Answers how to open the stream of a run's lines; with `follow` it goes on until the run has ended. */
  open(run: RunRow, { tail, from, follow }: Wanted) {
    const file = this.#directories.logOf(run.id);
    const growth = {
      isOver: () => !isActive(this.#ledger.require(run.id).state),
      onOver: (listener: () => void) =>
        this.#ledger.onEnd((ended) => {
          if (ended.id === run.id) listener();
        }),
    };
    return ({ signal, live }: { signal: AbortSignal; live: () => void }): AsyncIterable<LogLine> =>
      readLines({ file, tail, from, signal, onCaughtUp: live, follow: follow ? growth : undefined });
  }
}
