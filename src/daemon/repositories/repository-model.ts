import { isoTime } from '../../base/clock.ts';
import type { Repository } from '../../contract/models.ts';
import type { RepositoryRow } from '../registry/rows.ts';

/** A row as the contract shows it; what is derived comes in from outside. */
export const toRepository = (
  row: RepositoryRow,
  { trusted, commands }: Pick<Repository, 'trusted' | 'commands'>,
): Repository => ({
  id: row.id,
  name: row.name,
  path: row.path,
  commonDir: row.commonDir,
  defaultBranch: row.defaultBranch,
  description: row.description,
  channels: row.channels,
  trusted,
  commands,
  addedAt: isoTime(row.addedAt),
});
