import { isoTime } from '../../base/clock.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Event } from '../../contract/models.ts';
import type { Registry } from '../registry/registry.ts';
import type { EventRow } from '../registry/events.ts';

interface Selection {
  after?: number | undefined;
  types?: readonly string[] | undefined;
}

const usualLimit = 100;
const pageSize = 500;

/** What happened, numbered without gaps. */
export class Journal {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** In ascending order. Throws NOT_FOUND with `oldest` when events after that number have been dropped. */
  list({ after, types = [], limit = usualLimit }: Selection & { limit?: number | undefined }): Event[] {
    const wanted = types.length > 0 ? types : null;
    if (after === undefined) return this.#registry.events.last({ limit, types: wanted }).map(toEvent);
    this.#requirePresent(after);
    return this.#registry.events.after({ after, limit, types: wanted }).map(toEvent);
  }

  /** Checks at once that it can begin, so that a mistake is answered before the stream. */
  watch({ after, types }: Selection): (control: { signal: AbortSignal; live: () => void }) => AsyncIterable<Event> {
    const from = after ?? this.#registry.events.range().newest;
    this.#requirePresent(from);
    return (control) => this.#follow({ after: from, types }, control);
  }

  async *#follow(
    { after, types }: Selection & { after: number },
    { signal, live }: { signal: AbortSignal; live: () => void },
  ): AsyncGenerator<Event> {
    let last = after;
    let wake = (): void => undefined;
    using _listening = this.#registry.onEvent(() => {
      wake();
    });
    signal.addEventListener('abort', () => {
      wake();
    });
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const page = this.list({ after: last, types, limit: pageSize });
      for (const event of page) {
        last = event.seq;
        yield event;
      }
      if (page.length > 0) continue;
      live();
      last = Math.max(last, this.#registry.events.range().newest);
      await woken;
    }
  }

  #requirePresent(after: number): void {
    const { oldest } = this.#registry.events.range();
    if (after >= oldest - 1) return;
    throw new WtdError('NOT_FOUND', `the events after ${after} are no longer kept; the oldest is ${oldest}`, {
      hint: `start again after ${oldest - 1}, and read the present state with \`wtd status\``,
      kind: 'event',
      name: String(after + 1),
      oldest,
    });
  }
}

const toEvent = (row: EventRow): Event => ({ ...row, at: isoTime(row.at) });
