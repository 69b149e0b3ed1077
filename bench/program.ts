import { spawn } from 'node:child_process';

interface ProgramOptions {
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Exit codes that are answers (default: only 0). */
  allowed?: readonly number[];
}

/** A program's standard output once it has ended; throws unless it ended as it may. */
export function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env, allowed = [0] }: ProgramOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code !== null && allowed.includes(code)) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')} ended with ${String(code)}: ${stderr}`));
    });
  });
}
