import { spawning } from '../../base/spawning.ts';
import { WtdError } from '../../contract/errors.ts';

export interface Command {
  program: string;
  args: readonly string[];
  cwd?: string;
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  timeoutMs: number;
  /** What it printed counts also when it ended with an error of its own. */
  mayFail?: boolean;
}

const mostOutputBytes = 4_000_000;

/** Runs a short command without a shell and answers its standard output. Throws SPAWN_FAILED when it fails. */
export async function runCommand(command: Command): Promise<string> {
  // Imported late: it is 67 ms and some megabytes that a daemon at rest does not need.
  const { execa } = await import('execa');
  const result = await spawning(() =>
    execa(command.program, command.args, {
      cwd: command.cwd ?? '/',
      env: command.env,
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      timeout: command.timeoutMs,
      maxBuffer: mostOutputBytes,
    }),
  );
  const isAnswer = !result.failed || (command.mayFail === true && result.exitCode !== undefined && !result.timedOut);
  if (isAnswer) return result.stdout;
  const cause = result.stderr.trim() || (result.shortMessage ?? 'it failed');
  throw new WtdError('SPAWN_FAILED', `${command.program} failed: ${cause}`, {
    hint: `see whether ${command.program} is installed and works`,
    command: [command.program, ...command.args],
    cause,
  });
}
