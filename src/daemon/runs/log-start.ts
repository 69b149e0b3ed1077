import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const startFile = 'output.start';
/** All offsets are written with one length, so that a newer one replaces an older one whole. */
const digits = 20;

const startFileOf = (log: string): string => join(dirname(log), startFile);

/** The byte at which the first line lies that a run's log still has; undefined when nobody ever tried to trim it. */
export async function findLogStart(log: string): Promise<number | undefined> {
  try {
    return Number.parseInt(await readFile(startFileOf(log), 'utf8'), 10) || 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** On disk when it answers. In place and not by a rename: it must also work where no space is left for a new file. */
export async function writeLogStart(log: string, offset: number): Promise<void> {
  const file = await open(startFileOf(log), constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    await file.write(`${String(offset).padStart(digits, '0')}\n`, 0);
    await file.datasync();
  } finally {
    await file.close();
  }
}
