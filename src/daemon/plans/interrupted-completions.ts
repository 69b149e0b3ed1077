import type { Registry } from '../registry/registry.ts';
import type { Completion } from './completion.ts';

interface Parts {
  registry: Registry;
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
  async settleAll(): Promise<void> {
    const { registry, completion } = this.#parts;
    for (const { id, name, repositoryId, intent } of registry.plans.list()) {
      const repository = registry.repositories.get(repositoryId);
      if (intent?.kind !== 'complete' || !repository || completion.isUnderWay(id)) continue;
      const settled = await completion.settle(repository, id);
      if (settled === undefined || settled.state === 'unknown') continue;
      const { state } = settled;
      this.#untold.push({ plan: name, repository: repository.name, into: intent.into, state });
      this.#untold = this.#untold.slice(-mostKept);
    }
  }

  /** What was not told yet. */
  take(): Interruption[] {
    return this.#untold.splice(0);
  }
}
