import { createConnection, type Socket } from 'node:net';
import { socketChannel } from '../rpc/socket-channel.ts';
import { createClient, type Client } from './client.ts';
import type { Complaint } from './complaint.ts';
import { UnavailableError } from './errors.ts';
import type { StartingDaemon } from './start-daemon.ts';

/** How to start a daemon; what it says goes to the end of `errorFile`. */
export interface StartCommand {
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  errorFile: string;
  /** How to have a service manager start it; null when there is no service for this daemon. */
  service?: ServiceCommand | null;
}

/** A service manager's own program, and what to tell it. */
export interface ServiceCommand {
  program: string;
  env: Readonly<Record<string, string>>;
  /** It then ends with 0. */
  start: readonly string[];
  /** After a start that failed: leaves the socket to a daemon without the manager. */
  giveUp: readonly (readonly string[])[];
}

interface ConnectOptions {
  socketPath: string;
  /** null: only look for a daemon that is there. */
  start: StartCommand | null;
  /** What to do when none answers and none may be started. */
  absentHint?: string;
  startTimeoutMs?: number;
  onStarting?: () => void;
  /** Told why the service manager did not start it; it is then started without. */
  onServiceFailed?: (reason: string) => void;
}

/** Node 20 cuts a longer path without a word and would meet another socket. */
const maxSocketPathBytes = 103;
const retryMs = 15;

/** Connects to the daemon of a socket, and starts one when none answers. */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { socketPath, start, startTimeoutMs = 15_000, onStarting } = options;
  const deadline = performance.now() + startTimeoutMs;
  let found = await tryConnect(socketPath);
  const service = found === 'absent' ? start?.service : null;
  let starting = service ? await startByService(service, options) : undefined;
  if (starting) found = await tryConnect(socketPath);
  while (typeof found === 'string') {
    if (found === 'absent' && (starting === undefined || starting.hasGivenWayInVain())) {
      if (start === null) throw absent(options);
      if (starting === undefined) onStarting?.();
      const { startDaemon } = await import('./start-daemon.ts');
      starting = startDaemon(start);
    }
    starting?.throwIfFailed();
    if (performance.now() > deadline) throw late(options, startTimeoutMs, starting?.complaint());
    await new Promise((resolve) => setTimeout(resolve, retryMs));
    found = await tryConnect(socketPath);
  }
  return createClient(socketChannel(found));
}

/** Undefined when the service manager did not start it. */
async function startByService(service: ServiceCommand, options: ConnectOptions): Promise<StartingDaemon | undefined> {
  options.onStarting?.();
  const { startService } = await import('./start-daemon.ts');
  const outcome = await startService(service);
  if (typeof outcome !== 'string') return outcome;
  options.onServiceFailed?.(outcome);
  return undefined;
}

/** `busy`: a daemon is there, but so many clients knock that the system turns this one away. */
async function tryConnect(socketPath: string): Promise<Socket | 'absent' | 'busy'> {
  if (Buffer.byteLength(socketPath) > maxSocketPathBytes) {
    throw unreachable(socketPath, `the path is longer than ${maxSocketPathBytes} bytes`);
  }
  const outcome = await openSocket(socketPath);
  if (!(outcome instanceof Error)) return outcome;
  switch (outcome.code) {
    case 'ENOENT':
      return 'absent';
    case 'ECONNREFUSED':
      if (await isOtherFile(socketPath)) throw unreachable(socketPath, 'it is not a socket');
      return 'absent';
    case 'EAGAIN':
      return 'busy';
    default:
      throw unreachable(socketPath, outcome.message);
  }
}

function openSocket(path: string): Promise<Socket | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    socket.once('error', resolve);
    socket.once('connect', () => {
      socket.off('error', resolve);
      resolve(socket);
    });
  });
}

/** Linux refuses a connection to a plain file exactly as to a socket that nobody serves. */
async function isOtherFile(path: string): Promise<boolean> {
  const { stat } = await import('node:fs/promises');
  try {
    return !(await stat(path)).isSocket();
  } catch {
    return false;
  }
}

const absent = ({ socketPath, absentHint = 'start it with `wtd daemon`' }: ConnectOptions) =>
  new UnavailableError(`no daemon answers on ${socketPath}`, absentHint);

const unreachable = (socketPath: string, reason: string) =>
  new UnavailableError(
    `the socket ${socketPath} cannot be used: ${reason}`,
    'check WTD_HOME and WTD_SOCKET, and who owns that path',
  );

function late({ socketPath, start }: ConnectOptions, timeoutMs: number, complaint?: Complaint): UnavailableError {
  const sentence = `no daemon answered on ${socketPath} within ${timeoutMs / 1000} s`;
  const hint = start === null ? 'try again' : `read ${start.errorFile}, or run \`wtd daemon\` to see what keeps it`;
  return complaint === undefined
    ? new UnavailableError(sentence, hint)
    : new UnavailableError(`${sentence}: ${complaint.message}`, complaint.hint ?? hint);
}
