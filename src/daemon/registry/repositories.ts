import type { Database } from 'better-sqlite3';
import type { RepositoryRow } from './rows.ts';
import { Table } from './table.ts';

/** The table of known repositories. */
export class RepositoryRows extends Table<RepositoryRow> {
  constructor(database: Database) {
    super(database, 'repositories', { channels: 'json', trusted: 'boolean' });
  }

  list(): RepositoryRow[] {
    return this.all('ORDER BY name');
  }

  byName(name: string): RepositoryRow | undefined {
    return this.first('WHERE name = ?', name);
  }

  byCommonDir(commonDir: string): RepositoryRow | undefined {
    return this.first('WHERE common_dir = ?', commonDir);
  }
}
