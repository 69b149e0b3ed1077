import type { EventType } from '../../contract/events.ts';
import { StatementCache, type Store } from './table.ts';

export interface EventRow {
  seq: number;
  at: number;
  type: EventType;
  repository: string | null;
  plan: string | null;
  run: string | null;
  worktree: string | null;
  data: Record<string, unknown>;
}

type Stored = Omit<EventRow, 'data'> & { data: string };
type Filter = { after: number; limit: number; types: readonly string[] | null };

const appended = `
  INSERT INTO events (seq, at, type, repository, plan, run, worktree, data)
  SELECT max(coalesce((SELECT max(seq) FROM events), 0), @before) + 1, e ->> 'at', e ->> 'type', e ->> 'repository',
    e ->> 'plan', e ->> 'run', e ->> 'worktree', e -> 'data' FROM (SELECT @event AS e) RETURNING seq`;
const wanted = 'SELECT * FROM events WHERE (@types IS NULL OR type IN (SELECT value FROM json_each(@types)))';

/** The journal's table. Numbers have no gaps: each is the last one plus one, given within the change it tells of. */
export class EventRows {
  readonly #events: StatementCache<[Record<string, unknown>], Stored>;
  readonly #ranges: StatementCache<[], { oldest: number | null; newest: number | null }>;
  readonly #trims: StatementCache<[number], unknown>;
  /** No number up to this one is given any more. */
  #before = 0;

  constructor(store: Store) {
    this.#events = new StatementCache(store);
    this.#ranges = new StatementCache(store);
    this.#trims = new StatementCache(store);
  }

  append(event: Omit<EventRow, 'seq'>): number {
    return this.#events.of(appended).get({ event: JSON.stringify(event), before: this.#before })?.seq ?? 0;
  }

  /** From where on numbers are given: a journal in the place of a lost one must not give its numbers again. */
  beginAfter(seq: number): void {
    this.#before = seq;
  }

  after({ after, limit, types }: Filter): EventRow[] {
    const sql = `${wanted} AND seq > @after ORDER BY seq LIMIT @limit`;
    return this.#select(sql, { after, limit, types });
  }

  last({ limit, types }: Omit<Filter, 'after'>): EventRow[] {
    return this.#select(`SELECT * FROM (${wanted} ORDER BY seq DESC LIMIT @limit) ORDER BY seq`, { limit, types });
  }

  range(): { oldest: number; newest: number } {
    const range = this.#ranges.of('SELECT min(seq) AS oldest, max(seq) AS newest FROM events').get();
    return { oldest: range?.oldest ?? this.#before + 1, newest: range?.newest ?? this.#before };
  }

  /** When the newest one happened; null when there is none. */
  newestAt(): number | null {
    return this.last({ limit: 1, types: null })[0]?.at ?? null;
  }

  /** Keeps the newest ones. */
  trim(keep: number): void {
    this.#trims.of('DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?').run(keep);
  }

  #select(sql: string, filter: Partial<Filter>): EventRow[] {
    const types = filter.types && JSON.stringify(filter.types);
    return this.#events
      .of(sql)
      .all({ ...filter, types })
      .map(decode);
  }
}

const decode = (stored: Stored): EventRow => ({
  ...stored,
  data: JSON.parse(stored.data) as Record<string, unknown>,
});
