import { chmod, mkdir, stat } from 'node:fs/promises';
import { WtdError } from '../contract/errors.ts';
import type { Paths } from './paths.ts';

const longestSocketPath = 103;

/** Makes the directories of a daemon, for its user alone from the first moment. */
export async function prepareHome(paths: Paths): Promise<void> {
  if (Buffer.byteLength(paths.socket) > longestSocketPath) {
    throw new WtdError('INVALID_STATE', `the socket path ${paths.socket} is longer than ${longestSocketPath} bytes`, {
      hint: 'set WTD_HOME to a shorter directory',
      state: 'path too long',
      allowed: [`at most ${longestSocketPath} bytes`],
    });
  }
  for (const directory of [paths.home, paths.logs, paths.runs]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await keepPrivate(directory);
  }
}

async function keepPrivate(directory: string): Promise<void> {
  const { uid, mode } = await stat(directory);
  const isShared = (mode & 0o1002) !== 0;
  if (uid !== process.getuid?.() || isShared) {
    throw new WtdError('INVALID_STATE', `${directory} is shared with other users`, {
      hint: 'set WTD_HOME to a directory of your own that nobody else can write to',
      state: 'shared',
      allowed: ['owned by you, not world-writable'],
    });
  }
  if ((mode & 0o077) !== 0) await chmod(directory, 0o700);
}
