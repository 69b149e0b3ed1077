import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import type { Place } from './place.ts';

/** Changes the registry behind wtd's back, as a crash or a restored backup would; no daemon may be alive. */
export function changeDatabase(place: Place, ...statements: string[]): void {
  const database = new SqliteDatabase(join(place.home, 'wtd.db'));
  try {
    for (const statement of statements) database.prepare(statement).run();
  } finally {
    database.close();
  }
}
