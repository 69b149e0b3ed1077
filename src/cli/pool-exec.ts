import { forChild, worktreeVariables } from '../base/environment.ts';
import type { Client } from '../client/client.ts';
import type { Params, Result } from '../contract/index.ts';
import { carryOut, commandOf, unstartable } from './carry-out.ts';
import type { Handler } from './command.ts';
import { formatFailure, toFailure } from './failure.ts';
import { connectFor, printJson, withProgress, type Session } from './session.ts';

type Lent = Result<'pool.acquire'>;

/**
 * `wtd pool exec`: a command in a worktree of the pool, which is given back when the command ends; also when this process
 * dies, because the lease is bound to its connection.
 */
export const execInPool: Handler = async ({ values }, session) => {
  const command = commandOf(values, session.env);
  await using client = await connectFor('pool.acquire', session);
  const holder = `wtd pool exec (process ${process.pid})`;
  const asked = { ...values, command: undefined, holder, bind: 'connection' } as unknown as Params<'pool.acquire'>;
  const lent = await withProgress(session.terminal, 'waiting for a worktree', client.call('pool.acquire', asked));
  const { exitCode, cause } = await carryOut(command, {
    cwd: lent.worktree.path,
    env: { ...forChild(session.env), ...variablesOf(lent, session) },
    stdio: ['inherit', session.json ? 2 : 'inherit', 'inherit'],
  });
  await giveBack(client, lent, { session, exitCode, isQuiet: cause !== undefined });
  if (cause === undefined) return exitCode;
  throw unstartable(command, cause);
};

/** What a command in a worktree is told about it, as a run is. */
function variablesOf({ worktree, lease }: Lent, { route }: Session): Record<string, string> {
  const { repository, path, ports } = worktree;
  const socket = route().socketPath;
  return { ...worktreeVariables({ repository, path, ports, socket }), WTD_FENCE: String(lease.fence) };
}

interface Ending {
  session: Session;
  exitCode: number;
  /** An error about the command itself follows. */
  isQuiet: boolean;
}

/** The command's exit counts, whether or not the worktree could be given back. */
async function giveBack(client: Client, { lease, worktree }: Lent, ending: Ending): Promise<void> {
  const { session, exitCode, isQuiet } = ending;
  const { terminal, json } = session;
  const outcome = exitCode === 0 ? 'done' : 'failed';
  try {
    const released = await client.call('pool.release', { lease: lease.id, fence: lease.fence, outcome });
    if (json && !isQuiet) await printJson(terminal, { worktree: worktree.id, exitCode, ...released });
    else if (released.state === 'failed') terminal.say(`wtd: ${worktree.path} is kept as it is\n`);
  } catch (error) {
    if (json && !isQuiet) await printJson(terminal, { error: toFailure(error) });
    else terminal.say(formatFailure(toFailure(error)));
  }
}
