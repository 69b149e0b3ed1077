import { connect, type StartCommand } from '../client/connect.ts';
import type { Client } from '../client/client.ts';
import type { Service } from '../contract/service.ts';
import type { Terminal } from './terminal.ts';

/** How to reach the daemon. */
export interface Route {
  readonly socketPath: string;
  /** How to start one when none answers; null when that is not wanted. */
  readonly start: StartCommand | null;
  /** What to do when none answers and none may be started. */
  readonly absentHint?: string;
}

/** What a command works with: its surroundings, the terminal and the way to the daemon. */
export interface Session {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  /** Print one JSON document, and nothing else on standard output. */
  readonly json: boolean;
  /** Found late, so that help works where no home can be found. */
  readonly route: () => Route;
  readonly service: () => Promise<Service>;
}

/** Asking how the daemon is, telling it to end or that a run is alive must not bring one up. */
const neverStart = ['daemon.status', 'daemon.reload', 'daemon.shutdown', 'run.heartbeat'];

/** A connection for calls of a method. */
export async function connectFor(method: string, { route, terminal }: Session): Promise<Client> {
  const { start, ...target } = route();
  let stopProgress = (): void => undefined;
  try {
    return await connect({
      ...target,
      start: neverStart.includes(method) ? null : start,
      onStarting: () => {
        stopProgress();
        stopProgress = terminal.startProgress('starting the wtd daemon');
      },
      onServiceFailed: (reason) => {
        terminal.say(`wtd: the service could not be started (${reason}), so a daemon is started without it\n`);
      },
    });
  } finally {
    stopProgress();
  }
}

/** Waits for something, and shows on a terminal that it is being waited for. */
export async function withProgress<T>(terminal: Terminal, text: string, work: Promise<T>): Promise<T> {
  const stop = terminal.startProgress(text);
  try {
    return await work;
  } finally {
    stop();
  }
}

export const printJson = (terminal: Terminal, document: unknown): Promise<void> =>
  terminal.print(`${JSON.stringify(document)}\n`);
