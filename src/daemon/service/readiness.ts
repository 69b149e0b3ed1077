import { setTimeout as delay } from 'node:timers/promises';
import { WtdError } from '../../contract/errors.ts';

interface NotifyEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
}

interface ActivationEnvironment {
  readonly LISTEN_FDS?: string | undefined;
  readonly LISTEN_PID?: string | undefined;
}

interface Options {
  environment: NotifyEnvironment;
  /** Runs a program to its end; the variables are added to its environment. */
  run: (program: string, args: readonly string[], environment: Record<string, string>) => Promise<void>;
  /** Rejects when the daemon cannot do its work. */
  selfCheck: () => Promise<void>;
  /** Told why the manager will soon believe the daemon to be stuck. */
  report: (failure: unknown) => void;
}

/** What the service manager is told; all of it is nothing when no manager asked (NOTIFY_SOCKET). */
export interface Readiness extends AsyncDisposable {
  /** Also ends a reload. The first one starts the watchdog, as it does in the manager. */
  notifyReady(): Promise<void>;
  notifyReloading(): Promise<void>;
  notifyStopping(): Promise<void>;
}

export function createReadiness(options: Options): Readiness {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUsec } = options.environment;
  const notify = async (state: string): Promise<void> => {
    if (socket) await options.run('systemd-notify', [state], { NOTIFY_SOCKET: socket });
  };
  const ended = new AbortController();
  const watchdogMs = socket ? Number(watchdogUsec ?? 0) / 1000 : 0;
  const ping = async (): Promise<void> => {
    await withLimit(options.selfCheck(), watchdogMs / 4);
    await notify('WATCHDOG=1');
  };
  let watchdog: Promise<void> | undefined;

  return {
    async notifyReady() {
      await notify('READY=1');
      if (watchdogMs > 0) watchdog ??= keepPinging({ ping, watchdogMs, report: options.report, signal: ended.signal });
    },
    notifyReloading: () => notify('RELOADING=1'),
    notifyStopping: () => notify('STOPPING=1'),
    async [Symbol.asyncDispose]() {
      ended.abort();
      await watchdog;
    },
  };
}

interface Watchdog {
  ping: () => Promise<void>;
  watchdogMs: number;
  report: (failure: unknown) => void;
  signal: AbortSignal;
}

/** Pings at half of the time allowed; after a failure sooner, because at the next turn it would be too late. */
async function keepPinging({ ping, watchdogMs, report, signal }: Watchdog): Promise<void> {
  let pauseMs = watchdogMs / 2;
  while (await isPauseOver(pauseMs, signal)) {
    try {
      await ping();
      pauseMs = watchdogMs / 2;
    } catch (error) {
      report(error);
      pauseMs = watchdogMs / 8;
    }
  }
}

/** False when the signal ended the pause. */
const isPauseOver = (pauseMs: number, signal: AbortSignal): Promise<boolean> =>
  delay(pauseMs, true, { signal, ref: false }).catch(() => false);

async function withLimit(work: Promise<void>, limitMs: number): Promise<void> {
  const done = new AbortController();
  const limit = delay(limitMs, undefined, { signal: done.signal, ref: false }).then(() => {
    throw new WtdError('TIMEOUT', `the self-check took longer than ${limitMs} ms`, {
      hint: 'look into daemon.log for what blocked it',
    });
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    done.abort();
  }
}

/** The descriptor of the socket that the manager listens on for us; null when there is none. */
export function activatedSocket(environment: ActivationEnvironment, pid: number): 3 | null {
  const { LISTEN_FDS: count, LISTEN_PID: receiver } = environment;
  if (count === undefined || receiver !== String(pid)) return null;
  if (count === '1') return 3;
  throw new WtdError('INVALID_STATE', `the service manager passed ${count} sockets instead of one`, {
    hint: 'give wtd.socket exactly one ListenStream= line, then run `systemctl --user restart wtd.socket`',
    state: `${count} sockets`,
    allowed: ['1 socket'],
  });
}
