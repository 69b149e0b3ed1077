import { isAbsolute } from 'node:path';
import which from 'which';
import { WtdError } from '../../contract/errors.ts';

/**
 * The absolute path of a program on a run's own PATH. One that is given relative to the worktree, or may be found
 * there through a relative PATH entry, is answered as it is: only the worktree can tell.
 * Throws SPAWN_FAILED when there is no such program.
 */
export async function findProgram(program: string, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  if (program.includes('/') && !isAbsolute(program)) return program;
  const entries = (env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin').split(':');
  const path = entries.filter((entry) => isAbsolute(entry)).join(':');
  const found = await which(program, { path, nothrow: true });
  if (found !== null) return found;
  if (!isAbsolute(program) && entries.some((entry) => !isAbsolute(entry))) return program;
  const cause = isAbsolute(program) ? `${program} is no executable file` : `${program} is not on the PATH of the run`;
  throw new WtdError('SPAWN_FAILED', `the command could not be started: ${cause}`, {
    hint: `install ${program}, or give its full path`,
    command: [program],
    cause,
  });
}
