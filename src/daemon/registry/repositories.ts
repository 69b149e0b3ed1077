import type { RepositoryRow } from './rows.ts';
import { Table, type Store } from './table.ts';

/** The table of known repositories. */
export class RepositoryRows extends Table<RepositoryRow> {
  constructor(store: Store) {
    super(store, 'repositories', { channels: 'json', trusted: 'boolean' });
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
