import type { PlanRow, RepositoryRow } from '../../registry/rows.ts';
import type { Completion } from './completion.ts';

interface Parts {
  completion: Pick<Completion, 'isUnderWay' | 'settle'>;
}

/** What came of a completion that a daemon died in. */
export interface Interruption {
  plan: string;
  repository: string;
  into: string;
  state: 'old' | 'new';
}

/** Nobody has asked for so many. */
const mostKept = 1000;

/** Completions that a daemon left half done: brought to their end, or taken back, and told of once. */
export class InterruptedCompletions {
  readonly #parts: Parts;
  #untold: Interruption[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What cannot be decided yet stays for the next time. */
  async settle(repository: RepositoryRow, { id, name, intent }: PlanRow): Promise<void> {
    const { completion } = this.#parts;
    if (intent?.kind !== 'complete' || completion.isUnderWay(id)) return;
    const settled = await completion.settle(repository, id);
    if (settled === undefined || settled.state === 'unknown') return;
    const { state } = settled;
    this.#untold.push({ plan: name, repository: repository.name, into: intent.into, state });
    this.#untold = this.#untold.slice(-mostKept);
  }

  /** What was not told yet. */
  take(): Interruption[] {
    return this.#untold.splice(0);
  }
}
