import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../client/connect.ts';
import type { Service } from '../contract/service.ts';
import { runCommand } from './commands/commands.ts';
import { daemonPaths, homeVariables } from './paths.ts';
import { findProcess } from './runs/process-table.ts';
import type { Backend } from './service/backend.ts';
import { agentDirectory, forServiceTool, unitDirectory, userId } from './service/installed.ts';
import { Launchd } from './service/launchd.ts';
import { UserService } from './service/service.ts';
import { Systemd } from './service/systemd.ts';

interface Caller {
  environment: Readonly<Record<string, string | undefined>>;
  /** The words that start wtd: Node and the script, which lies in a directory of the package. */
  program: readonly string[];
}

/** As long as a unit may take to start or to stop, and some more. */
const toolTimeoutMs = 90_000;
const answerTimeoutMs = 5000;
const endTimeoutMs = 30_000;

/** The service of this user, for the command line; the daemon has no part in it. */
export function openService(caller: Caller): Service {
  const { home, socket } = daemonPaths(caller.environment);
  return new UserService({ backend: chooseBackend(caller), home, daemon: daemonOf(socket) });
}

function chooseBackend({ environment, program }: Caller): Backend {
  const env = { ...forServiceTool(environment), LC_ALL: 'C' };
  const run = (tool: string, args: readonly string[]) =>
    runCommand({ program: tool, args, env, timeoutMs: toolTimeoutMs });
  const { home, socket } = daemonPaths(environment);
  const root = dirname(dirname(realpathSync(program.at(-1) ?? '')));
  const common = { run, root, program, uid: userId() };
  if (process.platform === 'darwin') {
    const log = join(environment['HOME'] ?? homedir(), 'Library', 'Logs', 'wtd.log');
    return new Launchd({ ...common, agentDirectory: agentDirectory(environment), home, log });
  }
  const variables = homeVariables(environment);
  return new Systemd({ ...common, unitDirectory: unitDirectory(environment), environment: variables, socket });
}

/** Whoever serves this home at the moment, looked at the way a client does. */
function daemonOf(socketPath: string) {
  const open = () => connect({ socketPath, start: null }).catch(() => null);
  const find = async () => {
    await using client = await open();
    const signal = AbortSignal.timeout(answerTimeoutMs);
    return (await client?.call('daemon.status', {}, { signal }).catch(() => null)) ?? null;
  };
  const end = async () => {
    await using client = await open();
    if (!client) return;
    const { pid } = await client.call('daemon.status', {});
    await client.call('daemon.shutdown', { runs: 'keep' });
    await client.closed;
    const giveUpAtMs = Date.now() + endTimeoutMs;
    while ((await findProcess(pid)) && Date.now() < giveUpAtMs) await delay(20);
  };
  return { find, end };
}
