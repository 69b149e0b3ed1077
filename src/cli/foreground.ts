import { exitCodeOf, formatFailure, toFailure } from './failure.ts';
import { Terminal } from './terminal.ts';

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly streams: Pick<NodeJS.Process, 'stdout' | 'stderr'>;
}

/** Runs the daemon in this terminal: says where it serves, or why it cannot. Answers the exit code. */
export async function runForeground(
  { env, streams }: Surroundings,
  serve: (announce: (socket: string) => void) => Promise<number>,
): Promise<number> {
  const terminal = new Terminal(streams, env);
  try {
    return await serve((socket) => {
      void terminal.print(`wtd serves on ${socket}\n`);
    });
  } catch (error) {
    const failure = toFailure(error);
    terminal.say(formatFailure(failure));
    return exitCodeOf(failure);
  }
}
