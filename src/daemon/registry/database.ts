import { existsSync, readdirSync, statSync } from 'node:fs';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { WtdError } from '../../contract/errors.ts';
import { findFullDisk } from '../../contract/full-disk.ts';
import { migrations } from './migrations/index.ts';

/** "wtdb" in ASCII: tells our database from any other SQLite file. */
const applicationId = 0x77_74_64_62;
/** Waiting blocks the event loop, so it is short; only a tool that reads the file beside us can cause it. */
const busyTimeoutMs = 250;

/**
 * Opens the registry and brings its schema up to date.
 * Throws INVALID_STATE, naming the file, when it cannot be used; an unreadable one is never replaced by an empty one.
 */
export function openDatabase(file: string, runsDirectory: string): Database {
  refuseToForget(file, runsDirectory);
  const database = open(file);
  try {
    prepare(database, file);
    return database;
  } catch (error) {
    database.close();
    if (error instanceof WtdError) throw error;
    throw findFullDisk(error, file) ?? (isBusy(error) ? busy(file) : unusable(file, (error as Error).message));
  }
}

/** A missing or empty database beside records of runs is a loss, not a first start. */
function refuseToForget(file: string, runsDirectory: string): void {
  const isThere = existsSync(file) && statSync(file).size > 0;
  if (isThere || !existsSync(runsDirectory) || readdirSync(runsDirectory).length === 0) return;
  throw new WtdError(
    'INVALID_STATE',
    `the database ${file} is missing or empty, but ${runsDirectory} holds records of runs`,
    {
      hint: `put ${file} back, or move ${runsDirectory} away to start afresh`,
      state: 'missing',
      allowed: ['present'],
    },
  );
}

function open(file: string): Database {
  try {
    return new SqliteDatabase(file, { timeout: busyTimeoutMs });
  } catch (error) {
    throw findFullDisk(error, file) ?? unusable(file, (error as Error).message);
  }
}

function prepare(database: Database, file: string): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version > migrations.length) throw newer(file, version);
  const isEmpty = version === 0 && database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
  if (!isEmpty) check(database, file);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  // Only then, because it writes, and the disk may be full.
  if (version < migrations.length) migrate(database, version);
}

function check(database: Database, file: string): void {
  if (database.pragma('application_id', { simple: true }) !== applicationId) throw unusable(file, "it is not wtd's");
  const result = database.pragma('quick_check', { simple: true }) as string;
  if (result !== 'ok') throw unusable(file, result);
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

const isBusy = (error: unknown): boolean => (error as { code?: string }).code?.startsWith('SQLITE_BUSY') === true;

const busy = (file: string): WtdError =>
  new WtdError('BUSY', `another program is writing to the database ${file}`, {
    hint: 'end that program, then try again; nothing was changed',
    holder: file,
  });

function newer(file: string, version: number): WtdError {
  return new WtdError(
    'INVALID_STATE',
    `the database ${file} has schema ${version}, newer than this wtd knows (${migrations.length})`,
    {
      hint: 'use the newer wtd that wrote it; nothing was changed',
      state: 'newer',
      allowed: [`up to ${migrations.length}`],
    },
  );
}

function unusable(file: string, cause: string): WtdError {
  return new WtdError('INVALID_STATE', `the database ${file} cannot be used: ${cause}`, {
    hint: `restore ${file} from a backup, or move it away together with its -wal and -shm; nothing was changed`,
    state: 'unusable',
    allowed: ["a sound database of wtd's"],
  });
}
