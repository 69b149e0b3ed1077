import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { forChild } from '../base/environment.ts';
import type { Params } from '../contract/index.ts';
import { Announcer } from './announcer.ts';
import type { Handler } from './command.ts';
import { CommandError, findErrorName, toFailure } from './failure.ts';
import { signalExit } from './run-text.ts';
import { printJson, withProgress, type Session } from './session.ts';

/** `wtd exec`: the run of a plan in this terminal. It goes on when the daemon goes away, and ends as the command does. */
export const execPlan: Handler = async ({ values }, session) => {
  const command = (values['command'] as string[] | undefined) ?? [session.env['SHELL'] || '/bin/sh'];
  const asked = { ...values, command, pid: process.pid } as Params<'run.register'>;
  await using announcer = new Announcer(session);
  const { run, cwd, env } = await withProgress(session.terminal, 'making the worktree', announcer.register(asked));
  const { exitCode, cause } = await carryOut(command, announcer, {
    cwd,
    env: { ...forChild(session.env), ...env },
    stdio: ['inherit', session.json ? 2 : 'inherit', 'inherit'],
  });
  await reportEnd(announcer, exitCode, { session, run, isQuiet: cause !== undefined });
  if (cause === undefined) return exitCode;
  throw new CommandError(`"${command[0] ?? ''}" could not be started: ${describeCause(cause)}`, {
    code: 'SPAWN_FAILED',
    hint: 'check its name, that it is executable, and the PATH',
    command,
    cause: cause.code ?? cause.message,
  });
};

interface End {
  exitCode: number;
  /** Why the command could not be started at all. */
  cause?: NodeJS.ErrnoException;
}

const notFoundExit = 127;
const notExecutableExit = 126;

async function carryOut(command: readonly string[], announcer: Announcer, options: SpawnOptions): Promise<End> {
  const { spawn } = await import('node:child_process');
  const [program = '', ...args] = command;
  let child: ChildProcess | undefined;
  const stopRelaying = relaySignals((signal) => child?.kill(signal));
  try {
    child = spawn(program, args, options);
    if (child.pid !== undefined) announcer.startBeating(child.pid);
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

interface Report {
  session: Session;
  run: string;
  /** An error about the command itself follows. */
  isQuiet: boolean;
}

/** The command's exit counts, whether or not the daemon heard of it. */
async function reportEnd(announcer: Announcer, exitCode: number, { session, run, isQuiet }: Report): Promise<void> {
  const { terminal, json } = session;
  try {
    const ended = await announcer.finish(exitCode);
    if (json && !isQuiet) await printJson(terminal, ended);
  } catch (error) {
    if (json && !isQuiet) await printJson(terminal, { error: toFailure(error) });
    else if (findErrorName(error) === 'UNAVAILABLE') {
      terminal.say(`wtd: no daemon answered, so the end of run ${run} is not recorded\n`);
    }
  }
}
