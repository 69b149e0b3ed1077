import { basename } from 'node:path';

/** A name for the repository in a directory: the directory's, with what a name may not have replaced. Pure. */
export const nameFrom = (path: string): string =>
  basename(path)
    .replace(/\.git$/, '')
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 56)
    .replace(/(\.lock|\.)+$/, '') || 'repository';
