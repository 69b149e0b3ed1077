import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { CommandError } from './failure.ts';
import { signalExit } from './run-text.ts';

/** How a command ended that was carried out in this terminal. */
export interface End {
  exitCode: number;
  /** Why the command could not be started at all. */
  cause?: NodeJS.ErrnoException;
}

const notFoundExit = 127;
const notExecutableExit = 126;

/** Runs a command in this terminal. `onStarted` is told its process id. */
export async function carryOut(
  command: readonly string[],
  options: SpawnOptions,
  onStarted: (pid: number) => void = () => undefined,
): Promise<End> {
  const { spawn } = await import('node:child_process');
  const [program = '', ...args] = command;
  let child: ChildProcess | undefined;
  const stopRelaying = relaySignals((signal) => child?.kill(signal));
  try {
    child = spawn(program, args, options);
    if (child.pid !== undefined) onStarted(child.pid);
    return { exitCode: await exitOf(child) };
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    return { exitCode: cause.code === 'ENOENT' ? notFoundExit : notExecutableExit, cause };
  } finally {
    stopRelaying();
  }
}

/** Throws when it was never started; a signal that could not be passed on is no reason. */
function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      if (child.pid === undefined) reject(error);
    });
    child.once('exit', (code, signal) => {
      resolve(signal === null ? (code ?? 1) : signalExit(signal));
    });
  });
}

function describeCause({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such program';
  return code === 'EACCES' ? 'it may not be executed' : message;
}

/** The terminal itself sends INT and QUIT to the command; what is sent to this process alone is passed on. */
function relaySignals(forward: (signal: NodeJS.Signals) => void): () => void {
  const ignore = () => undefined;
  const listeners = { SIGINT: ignore, SIGQUIT: ignore, SIGTERM: forward, SIGHUP: forward };
  for (const [signal, listener] of Object.entries(listeners)) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of Object.entries(listeners)) process.off(signal, listener);
  };
}

/** What is said of a command that could not be started at all. */
export const unstartable = (command: readonly string[], cause: NodeJS.ErrnoException): CommandError =>
  new CommandError(`"${command[0] ?? ''}" could not be started: ${describeCause(cause)}`, {
    code: 'SPAWN_FAILED',
    hint: 'check its name, that it is executable, and the PATH',
    command,
    cause: cause.code ?? cause.message,
  });

/** The command that was given, else the shell of whoever asks. */
export const commandOf = (
  { command }: { command?: unknown },
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] => (command as string[] | undefined) ?? [env['SHELL'] || '/bin/sh'];
