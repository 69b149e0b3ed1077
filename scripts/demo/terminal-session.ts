import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { formatCommand } from '../../src/cli/format.ts';

const wtdProgram = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const commandTimeoutMs = 60_000;

type Command = readonly [program: 'wtd' | 'git' | 'cat', ...args: string[]];

interface Outcome {
  exitCode: number;
  /** Both streams, in the order written. */
  output: string;
  stdout: string;
}

/** Runs commands in one directory and prints them with what they say, as a terminal would show it. */
export class TerminalSession {
  readonly #cwd: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #interrupted: AbortSignal;

  constructor(where: { cwd: string; env: Readonly<Record<string, string>> }, interrupted: AbortSignal) {
    this.#cwd = where.cwd;
    this.#env = where.env;
    this.#interrupted = interrupted;
  }

  say(text: string): void {
    process.stdout.write(`\n# ${text}\n`);
  }

  async show(...command: Command): Promise<Outcome> {
    process.stdout.write(`$ ${formatCommand(command)}\n`);
    const outcome = await this.#runUnlessInterrupted(command);
    this.#print(outcome);
    return outcome;
  }

  /** All at the same moment, as a shell's `&` does it. */
  async showTogether(commands: readonly Command[]): Promise<Outcome[]> {
    for (const command of commands) process.stdout.write(`$ ${formatCommand(command)} &\n`);
    const outcomes = await Promise.all(commands.map((command) => this.#runUnlessInterrupted(command)));
    for (const outcome of outcomes) this.#print(outcome);
    return outcomes;
  }

  /** Runs it without a word. */
  async ask(...[program, ...args]: Command): Promise<Outcome> {
    const words = program === 'wtd' ? [process.execPath, wtdProgram, ...args] : [program, ...args];
    const { exitCode, all, stdout, shortMessage } = await execa(words[0] ?? '', words.slice(1), {
      cwd: this.#cwd,
      env: this.#env,
      extendEnv: false,
      stdin: 'ignore',
      all: true,
      reject: false,
      stripFinalNewline: false,
      timeout: commandTimeoutMs,
      // A Ctrl-C is for the demo alone, so that no command is cut off with half of its work done.
      detached: true,
      cleanup: false,
    });
    if (exitCode === undefined) throw new Error(shortMessage);
    return { exitCode, output: all, stdout };
  }

  #print({ exitCode, output }: Outcome): void {
    process.stdout.write(output);
    if (exitCode !== 0) process.stdout.write(`# exit code ${exitCode}\n`);
  }

  async #runUnlessInterrupted(command: Command): Promise<Outcome> {
    this.#interrupted.throwIfAborted();
    const outcome = await this.ask(...command);
    this.#interrupted.throwIfAborted();
    return outcome;
  }
}
