import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { isoTime, systemClock } from '../../base/clock.ts';
import { WtdError } from '../../contract/errors.ts';
import { findFullDisk } from '../../contract/full-disk.ts';
import { migrations } from './migrations/index.ts';

/** "wtdb" in ASCII: tells our database from any other SQLite file. */
const applicationId = 0x77_74_64_62;
/** Waiting blocks the event loop, so it is short; only a tool that reads the file beside us can cause it. */
const busyTimeoutMs = 250;
/** What SQLite keeps beside the file, and would apply to another one of its name. */
const companions = ['-wal', '-shm'];

/** Why an earlier registry could not be used, and where it lies now; it can be rebuilt from the records of runs. */
export interface Loss {
  cause: string;
  /** Null: there was nothing to keep. */
  keptAs: string | null;
}

/** The registry's file and the connection to it. */
export class DatabaseFile implements Disposable {
  readonly loss: Loss | null;
  readonly #path: string;
  #database: Database;
  #inode: number;

  /**
   * Opens the registry and brings its schema up to date. Beside records of runs, a missing or damaged one is a loss:
   * it is kept aside and an empty one takes its place, to be rebuilt.
   * Throws INVALID_STATE, naming the file, when it cannot be used; nothing has changed then.
   */
  constructor(path: string, runsDirectory: string) {
    this.#path = path;
    const hasRecords = hasRuns(runsDirectory);
    this.loss = hasRecords && !isThere(path) ? { cause: 'it is missing or empty', keptAs: setAside(path) } : null;
    try {
      this.#database = openDatabase(path);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      if (!hasRecords) throw unusable(path, error.message);
      this.loss = { cause: error.message, keptAs: setAside(path) };
      this.#database = openDatabase(path);
    }
    this.#inode = statSync(path).ino;
  }

  get database(): Database {
    return this.#database;
  }

  /**
   * SQLite goes on writing to a file that was deleted. What it holds is written to a new one then; answers whether
   * that was necessary. Throws INVALID_STATE when somebody put another file there.
   */
  keepOnDisk(): boolean {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    if (found?.ino === this.#inode) return false;
    if (found && found.size > 0) throw replaced(this.#path);
    const fresh = `${this.#path}.new`;
    rmSync(fresh, { force: true });
    this.#database.prepare('VACUUM INTO ?').run(fresh);
    this.#database.close();
    for (const companion of companions) rmSync(this.#path + companion, { force: true });
    renameSync(fresh, this.#path);
    this.#database = openDatabase(this.#path);
    this.#inode = statSync(this.#path).ino;
    return true;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** The file is wtd's but cannot be read, or is no database at all. */
class DamageError extends Error {
  override readonly name = 'DamageError';
}

/** What is being deleted there counts for nothing. */
const hasRuns = (directory: string): boolean =>
  existsSync(directory) && readdirSync(directory).some((name) => !name.startsWith('.'));

const isThere = (path: string): boolean => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;

/** Moves the file and what belongs to it out of the way; answers where it lies, null when there was none. */
function setAside(path: string): string | null {
  const keptAs = `${path}.damaged-${isoTime(systemClock.now()).replaceAll(/[^0-9]/g, '')}`;
  let isKept = false;
  for (const companion of ['', ...companions]) {
    if (!existsSync(path + companion)) continue;
    renameSync(path + companion, keptAs + companion);
    isKept = true;
  }
  return isKept ? keptAs : null;
}

function openDatabase(path: string): Database {
  const database = connect(path);
  try {
    prepare(database, path);
    return database;
  } catch (error) {
    database.close();
    throw explained(error, path);
  }
}

function connect(path: string): Database {
  try {
    return new SqliteDatabase(path, { timeout: busyTimeoutMs });
  } catch (error) {
    throw explained(error, path);
  }
}

function prepare(database: Database, path: string): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  const isEmpty = version === 0 && database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
  if (!isEmpty && database.pragma('application_id', { simple: true }) !== applicationId) {
    throw unusable(path, "it is not wtd's");
  }
  if (version > migrations.length) throw newer(path, version);
  if (!isEmpty) check(database);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  // Only then, because it writes, and the disk may be full.
  if (version < migrations.length) migrate(database, version);
}

function check(database: Database): void {
  const result = database.pragma('quick_check', { simple: true }) as string;
  if (result !== 'ok') throw new DamageError(result.split('\n')[0] ?? result);
}

function migrate(database: Database, version: number): void {
  database
    .transaction(() => {
      for (const sql of migrations.slice(version)) database.exec(sql);
      database.pragma(`application_id = ${applicationId}`);
      database.pragma(`user_version = ${migrations.length}`);
    })
    .immediate();
}

function explained(error: unknown, path: string): unknown {
  if (error instanceof WtdError || error instanceof DamageError) return error;
  const { code = '', message } = error as Error & { code?: string };
  if (code.startsWith('SQLITE_BUSY')) return busy(path);
  const fullDisk = findFullDisk(error, path);
  if (fullDisk) return fullDisk;
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return new DamageError(message);
  return unusable(path, message);
}

const busy = (path: string): WtdError =>
  new WtdError('BUSY', `another program is writing to the database ${path}`, {
    hint: 'end that program, then try again; nothing was changed',
    holder: path,
  });

const replaced = (path: string): WtdError =>
  new WtdError('INVALID_STATE', `another file took the place of the database ${path}`, {
    hint: `end wtd with \`wtd shutdown\` before a database is put back; move ${path} away to keep the present one`,
    state: 'replaced',
    allowed: ['the file that was opened'],
  });

function newer(path: string, version: number): WtdError {
  return new WtdError(
    'INVALID_STATE',
    `the database ${path} has schema ${version}, newer than this wtd knows (${migrations.length})`,
    {
      hint: 'use the newer wtd that wrote it; nothing was changed',
      state: 'newer',
      allowed: [`up to ${migrations.length}`],
    },
  );
}

function unusable(path: string, cause: string): WtdError {
  return new WtdError('INVALID_STATE', `the database ${path} cannot be used: ${cause}`, {
    hint: `restore ${path} from a backup, or move it away together with its -wal and -shm; nothing was changed`,
    state: 'unusable',
    allowed: ["a sound database of wtd's"],
  });
}
