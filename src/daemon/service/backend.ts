import { WtdError } from '../../contract/errors.ts';

/** Runs a program to its end and answers its standard output; throws a WtdError when it fails. */
export type Run = (program: string, args: readonly string[]) => Promise<string>;

/** What a program said that failed. */
export function causeOf(error: unknown): string {
  if (error instanceof WtdError && typeof error.data['cause'] === 'string') return error.data['cause'];
  return error instanceof Error ? error.message : String(error);
}

/** What a service manager tells of the service. */
export interface Facts {
  enabled: boolean;
  /** The manager's own word for how the service is. */
  state: string;
  /** Of the daemon; null when it does not run. */
  pid: number | null;
  /** Whether a connection to the socket would start the daemon. */
  wakes: boolean;
}

/** What is different between one service manager and another. */
export interface Backend {
  readonly manager: 'systemd' | 'launchd';
  /** What is installed: the text of each file by its absolute path. */
  files(): Promise<ReadonlyMap<string, string>>;
  /** The home that installed files lead to; null when they lead to none. */
  homeOf(texts: ReadonlyMap<string, string>): string | null;
  /** Throws INVALID_STATE with what to do when the manager does not answer. */
  requireReachable(): Promise<void>;
  /** Reads the files, comes with every session from now on, and is started. */
  start(): Promise<void>;
  /** Whether the last start failed because another daemon holds the home. */
  isKeptOut(): Promise<boolean>;
  /** Ends the daemon, whatever is left of its files. */
  stop(): Promise<void>;
  /** Reads the files, ends the daemon, and comes with no session any more; the files can be taken away then. */
  release(): Promise<void>;
  /** Forgets files that were taken away. */
  forget(): Promise<void>;
  /** Null when the manager does not answer. */
  facts(): Promise<Facts | null>;
  lingers(): Promise<boolean | null>;
  /** How to see what a service that failed has said. */
  readonly logHint: string;
}
