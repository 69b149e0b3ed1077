import { readlink } from 'node:fs/promises';
import { findProcess, listPids } from './process-table.ts';

/** Few enough for the descriptors and threads that a daemon may have. */
const readAtOnce = 32;

/**
 * For each of these directories a process whose current directory lies in it, such as `process 412 (bash)`, apart from
 * this daemon's own. Only Linux tells.
 */
export async function findOccupants(directories: readonly string[]): Promise<Map<string, string>> {
  const occupants = new Map<string, string>();
  if (process.platform !== 'linux' || directories.length === 0) return occupants;
  const pids = await listPids();
  for (let at = 0; at < pids.length; at += readAtOnce) {
    const some = pids.slice(at, at + readAtOnce).map(async (pid) => {
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
      const directory = cwd && directories.find((each) => cwd === each || cwd.startsWith(`${each}/`));
      if (!directory) return;
      const found = await findProcess(pid);
      // What the daemon asks of git and du begins in a worktree too.
      if (found && found.parent !== process.pid) occupants.set(directory, `process ${pid} (${found.name})`);
    });
    await Promise.all(some);
  }
  return occupants;
}
