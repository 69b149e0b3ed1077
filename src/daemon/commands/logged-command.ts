import { setTimeout as sleep } from 'node:timers/promises';
import { spawning } from '../../base/spawning.ts';
import type { BoundedLog } from './bounded-log.ts';

export interface LoggedCommand {
  program: string;
  args: readonly string[];
  cwd: string;
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  log: BoundedLog;
}

/** How a command came to its end; `unstartable`: it never ran. */
export type CommandEnd =
  { kind: 'exit'; code: number } | { kind: 'signal'; signal: string } | { kind: 'unstartable'; cause: string };

export interface RunningCommand {
  /** Undefined: it could not be started. */
  pid: number | undefined;
  ended: Promise<CommandEnd>;
}

/** What it started may hold its output open; what it printed itself has come by then. */
const drainPatienceMs = 500;

/**
 * Starts a command that may take long, without a shell and as the leader of a session of its own; all that it prints
 * goes to the log. Whoever starts it ends it.
 */
export async function startLogged({ program, args, cwd, env, log }: LoggedCommand): Promise<RunningCommand> {
  const { execa } = await import('execa');
  const child = spawning(() =>
    execa(program, args, {
      cwd,
      env,
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      buffer: false,
      detached: true,
      cleanup: false,
    }),
  );
  const { pid } = child;
  if (pid === undefined) {
    const ended = child.then(({ shortMessage }) => ({ kind: 'unstartable' as const, cause: shortMessage ?? program }));
    return { pid, ended };
  }
  const drained = new Promise<void>((resolve) =>
    child.once('close', () => {
      resolve();
    }),
  );
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log.write(chunk);
    });
  }
  const exited = new Promise<CommandEnd>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(code === null ? { kind: 'signal', signal: signal ?? '' } : { kind: 'exit', code });
    });
  });
  const ended = exited.then(async (end) => {
    await Promise.race([drained, sleep(drainPatienceMs, undefined, { ref: false })]);
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
    return end;
  });
  return { pid, ended };
}
