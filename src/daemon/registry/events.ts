import type { Database, Statement } from 'better-sqlite3';
import type { EventType } from '../../contract/events.ts';

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

/** The journal's table. Numbers have no gaps: each is the last one plus one, given within the change it tells of. */
export class EventRows {
  readonly #append: Statement<[string], { seq: number }>;
  readonly #after: Statement<[Record<string, unknown>], Stored>;
  readonly #last: Statement<[Record<string, unknown>], Stored>;
  readonly #range: Statement<[], { oldest: number | null; newest: number | null }>;
  readonly #trim: Statement<[number]>;

  constructor(database: Database) {
    this.#append = database.prepare(`
      INSERT INTO events (seq, at, type, repository, plan, run, worktree, data)
      SELECT coalesce((SELECT max(seq) FROM events), 0) + 1, e ->> 'at', e ->> 'type', e ->> 'repository', e ->> 'plan',
        e ->> 'run', e ->> 'worktree', e -> 'data' FROM (SELECT ? AS e) RETURNING seq`);
    const wanted = 'SELECT * FROM events WHERE (@types IS NULL OR type IN (SELECT value FROM json_each(@types)))';
    this.#after = database.prepare(`${wanted} AND seq > @after ORDER BY seq LIMIT @limit`);
    this.#last = database.prepare(`SELECT * FROM (${wanted} ORDER BY seq DESC LIMIT @limit) ORDER BY seq`);
    this.#range = database.prepare('SELECT min(seq) AS oldest, max(seq) AS newest FROM events');
    this.#trim = database.prepare('DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?');
  }

  append(event: Omit<EventRow, 'seq'>): number {
    return this.#append.get(JSON.stringify(event))?.seq ?? 0;
  }

  after({ after, limit, types }: Filter): EventRow[] {
    return this.#after.all({ after, limit, types: types && JSON.stringify(types) }).map(decode);
  }

  last({ limit, types }: Omit<Filter, 'after'>): EventRow[] {
    return this.#last.all({ limit, types: types && JSON.stringify(types) }).map(decode);
  }

  range(): { oldest: number; newest: number } {
    const range = this.#range.get();
    return { oldest: range?.oldest ?? 1, newest: range?.newest ?? 0 };
  }

  /** When the newest one happened; null when there is none. */
  newestAt(): number | null {
    return this.last({ limit: 1, types: null })[0]?.at ?? null;
  }

  /** Keeps the newest ones. */
  trim(keep: number): void {
    this.#trim.run(keep);
  }
}

const decode = (stored: Stored): EventRow => ({
  ...stored,
  data: JSON.parse(stored.data) as Record<string, unknown>,
});
