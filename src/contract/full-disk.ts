import { WtdError } from './errors.ts';

/** SQLite's name for a shared memory file that could not grow is not that of a full disk, but only a full disk causes it. */
const codes: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE'];

/** A step that found no space on the file system of a path. */
export const fullDisk = (path: string): WtdError =>
  new WtdError('DISK_LOW', `no space is left on the disk of ${path}`, {
    hint: `free some space on the disk of ${path}, then try again`,
    path,
    freeMb: 0,
    requiredMb: 1,
    suggestions: ['remove plans you no longer need with `wtd plan remove <plan>`', 'free space on that file system'],
  });

/** The full disk behind a failure, also when the clean-up after it failed too; `place` is where, if it does not say so. */
export function findFullDisk(error: unknown, place: string): WtdError | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if (error instanceof WtdError) return error.code === 'DISK_LOW' ? error : undefined;
  const { code, path, suppressed, errors, error: latest } = error as Record<string, unknown>;
  if (codes.includes(code)) return fullDisk(typeof path === 'string' ? path : place);
  for (const inner of [suppressed, latest, ...(Array.isArray(errors) ? (errors as unknown[]) : [])]) {
    const found = findFullDisk(inner, place);
    if (found) return found;
  }
  return undefined;
}
