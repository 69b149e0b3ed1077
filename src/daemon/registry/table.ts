import type { Database, Statement } from 'better-sqlite3';

type Value = string | number | null;
type Stored = Record<string, Value>;
/** How a field lies in its column when that is not as it is: JSON text, or 0 and 1. */
export type Encodings<Row> = Partial<Record<keyof Row & string, 'json' | 'boolean'>>;

/** Quoted, because `commit` is a word of SQL. */
const column = (field: string): string => `"${field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}"`;

/** What was asked since the last write to any table, because foreign keys write to others too. */
export type Answers = Map<string, unknown>;

export interface Store {
  /** Replaced when the file had to be written anew. */
  database: Database;
  readonly answers: Answers;
  /** Runs that the change under way writes or deletes. */
  readonly touched: { written: Set<string>; deleted: Set<string> };
}

/** Statements, each prepared once for the connection they are asked of. */
export class StatementCache<Parameters extends unknown[], Result> {
  readonly #store: Store;
  readonly #known = new Map<string, Statement<Parameters, Result>>();
  #database: Database | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  of(sql: string): Statement<Parameters, Result> {
    const { database } = this.#store;
    if (this.#database !== database) this.#known.clear();
    this.#database = database;
    const known = this.#known.get(sql);
    if (known) return known;
    const statement = database.prepare<Parameters, Result>(sql);
    this.#known.set(sql, statement);
    return statement;
  }
}

/** Answers kept until the next write: a picture of 50 plans asks several hundred times for the same few rows. */
const mostAnswersKept = 1000;

/**
 * One table seen as typed rows: fields in camelCase, columns in snake_case. Statements are prepared once, answers are
 * shared until something is written, so nobody may change a row in place.
 */
export class Table<Row extends { id: string }> {
  readonly #name: string;
  readonly #fields: ReadonlyMap<string, keyof Row & string>;
  readonly #encodings: Encodings<Row>;
  readonly #statements: StatementCache<Value[], Stored>;
  readonly #answers: Answers;

  constructor(store: Store, name: string, encodings: Encodings<Row>) {
    this.#answers = store.answers;
    this.#statements = new StatementCache(store);
    this.#name = name;
    this.#encodings = encodings;
    const columns = store.database.pragma(`table_info(${name})`) as { name: string }[];
    this.#fields = new Map(
      columns.map((info) => [
        info.name,
        info.name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) as keyof Row & string,
      ]),
    );
  }

  get(id: string): Row | undefined {
    return this.first('WHERE id = ?', id);
  }

  first(clause: string, ...values: Value[]): Row | undefined {
    return this.#remember(`${clause} LIMIT 1`, values, (rest) => {
      const stored = this.#statements.of(`SELECT * FROM ${this.#name} ${rest}`).get(...values);
      return stored && this.#decode(stored);
    });
  }

  all(clause: string, ...values: Value[]): Row[] {
    return this.#remember(clause, values, () => this.search(clause, ...values));
  }

  /** Like all, for questions that callers shape themselves: those are too many to keep the answers. */
  search(clause: string, ...values: Value[]): Row[] {
    return this.#statements
      .of(`SELECT * FROM ${this.#name} ${clause}`)
      .all(...values)
      .map((stored) => this.#decode(stored));
  }

  count(clause = '', ...values: Value[]): number {
    return this.#remember(`count ${clause}`, values, () => {
      const stored = this.#statements.of(`SELECT count(*) AS total FROM ${this.#name} ${clause}`).get(...values);
      return Number(stored?.['total'] ?? 0);
    });
  }

  /** Those of the ids that no row has, in one question however many there are. */
  unknownAmong(ids: readonly string[]): string[] {
    const sql = `SELECT value AS id FROM json_each(?) WHERE value NOT IN (SELECT id FROM ${this.#name})`;
    return this.#statements
      .of(sql)
      .all(JSON.stringify(ids))
      .map(({ id }) => String(id));
  }

  insert(row: Row): void {
    this.#answers.clear();
    // A row that was read from a file may have members that no column is for.
    const fields = [...this.#fields.values()].filter((field) => Object.hasOwn(row, field));
    const places = fields.map(() => '?').join(', ');
    this.#statements
      .of(`INSERT INTO ${this.#name} (${fields.map(column).join(', ')}) VALUES (${places})`)
      .run(...fields.map((field) => this.#encode(field, row[field])));
  }

  update(id: string, changes: Partial<Omit<Row, 'id'>>): void {
    const fields = Object.keys(changes) as (keyof Row & string)[];
    if (fields.length === 0) return;
    this.#answers.clear();
    const assignments = fields.map((field) => `${column(field)} = ?`).join(', ');
    const values = fields.map((field) => this.#encode(field, (changes as Partial<Row>)[field]));
    this.#statements.of(`UPDATE ${this.#name} SET ${assignments} WHERE id = ?`).run(...values, id);
  }

  delete(id: string): void {
    this.#answers.clear();
    this.#statements.of(`DELETE FROM ${this.#name} WHERE id = ?`).run(id);
  }

  #remember<T>(clause: string, values: readonly Value[], ask: (clause: string) => T): T {
    const question = `${this.#name} ${clause}\0${values.join('\0')}`;
    if (this.#answers.has(question)) return this.#answers.get(question) as T;
    const answer = ask(clause);
    if (this.#answers.size >= mostAnswersKept) this.#answers.clear();
    this.#answers.set(question, answer);
    return answer;
  }

  #encode(field: keyof Row & string, value: Row[keyof Row] | null | undefined): Value {
    if (value === null || value === undefined) return null;
    const encoding = this.#encodings[field];
    if (encoding === 'json') return JSON.stringify(value);
    return encoding === 'boolean' ? Number(value) : (value as Value);
  }

  #decode(stored: Stored): Row {
    const row: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(stored)) {
      const field = this.#fields.get(name);
      if (field !== undefined) row[field] = this.#decodeValue(field, value);
    }
    return row as Row;
  }

  #decodeValue(field: keyof Row & string, value: Value): unknown {
    if (value === null) return null;
    const encoding = this.#encodings[field];
    if (encoding === 'json') return JSON.parse(value as string);
    return encoding === 'boolean' ? value === 1 : value;
  }
}
