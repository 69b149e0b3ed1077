import { chmodSync, closeSync, openSync } from 'node:fs';
import SqliteDatabase from 'better-sqlite3';
import { WtdError } from '../../contract/errors.ts';
import { findFullDisk } from '../../contract/full-disk.ts';

/**
 * Holds the right to be the one daemon of a home, until disposed or dead: an exclusive transaction on a SQLite file,
 * whose lock the kernel frees. Opening the file elsewhere in this process would drop it.
 * Throws BUSY when another process holds it.
 */
export function holdLock(file: string): Disposable {
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  const database = new SqliteDatabase(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) throw held(file);
    const fullDisk = findFullDisk(error, file);
    if (fullDisk) throw fullDisk;
    throw new WtdError('INVALID_STATE', `the lock file ${file} cannot be used: ${(error as Error).message}`, {
      hint: `remove ${file} if no wtd daemon runs`,
      state: 'unusable',
      allowed: ['a lock file of wtd'],
    });
  }
  return {
    [Symbol.dispose]() {
      database.close();
    },
  };
}

function held(file: string): WtdError {
  return new WtdError('BUSY', `another wtd daemon is running here and holds ${file}`, {
    hint: 'use it as it is (`wtd daemon status`), or end it first with `wtd shutdown`',
    holder: file,
  });
}
