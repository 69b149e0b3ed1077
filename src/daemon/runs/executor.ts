import type { RunLimits } from './limits.ts';
import type { Announced, RunRecord } from './run-record.ts';

/** What an executor needs to start a run. */
export interface Launch {
  /** A directory for this try alone. */
  directory: string;
  /** The file that takes the output of both streams. */
  output: string;
  cwd: string;
  command: readonly string[];
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  /** For an executor that can have the kernel enforce them. */
  limits?: RunLimits | undefined;
}

export type LaunchResult =
  | { kind: 'started'; parent: Announced; child: Announced }
  /** The program could not be executed; `cause` is a sentence. */
  | { kind: 'unstartable'; exitCode: number | null; cause: string }
  /** The executor itself could not: nothing ran, and nothing ever will. Another executor may try. */
  | { kind: 'refused'; cause: string };

/** A way to run commands so that they outlive the daemon. */
export interface Executor {
  readonly name: 'shim' | 'scope';
  /** Answers when the command was executed, or could not be. */
  start(launch: Launch): Promise<LaunchResult>;
  /** What is known of a run, also of one that an earlier daemon started. */
  inspect(directory: string): Promise<RunRecord>;
  /** When the parent was started, in milliseconds since the epoch; undefined when that cannot be told. */
  startedAt(directory: string): Promise<number | undefined>;
  /** Makes sure that a run without a parent never gets one. Answers what is known afterwards. */
  cancel(directory: string): Promise<RunRecord>;
  /** Calls back once when the parent of a run is gone; `seen` tells whether it was alive when the watch began. */
  watch(directory: string, onGone: (seen: boolean) => void): Disposable;
  /** The pids that the kernel keeps together as this run's, its parent's among them; empty where it keeps none. */
  members(directory: string): Promise<number[]>;
  /** Keeps all members from running, or lets them go on; does nothing where the kernel keeps none together. */
  freeze(directory: string, isFrozen: boolean): Promise<void>;
}
