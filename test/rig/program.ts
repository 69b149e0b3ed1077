import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { until } from './until.ts';
import type { UserManager } from './systemd-user.ts';

/** What only the build with fault points understands. */
const faultVariables = ['WTD_FAULT', 'WTD_CLOCK'];

/** The build that is asked: the one with fault points where a fault is wanted, else the one that users get. */
function findEntry(env: Readonly<Record<string, string>>): string {
  const build = faultVariables.some((name) => name in env) ? 'dist-faults' : 'dist';
  const entry = fileURLToPath(new URL(`../../${build}/main.js`, import.meta.url));
  if (existsSync(entry)) return entry;
  throw new Error(`${entry} is not there: run \`npm run build\` and \`npm run build:faults\` first`);
}

const patienceMs = 40_000;

/** A wtd that has ended. `exitCode` is null when a signal ended it. */
export interface Finished {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Standard output as one JSON document. */
  json(): unknown;
}

export interface ProgramOptions {
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** What it reads; nothing when left out. */
  input?: string;
  /** How many descriptors it may have open. */
  descriptors?: number;
  /** Runs it where this manager is the user's. */
  inside?: UserManager | undefined;
}

/** The built wtd as a process of its own: a client or a daemon. Ended with the test, whatever happens. */
export class Program implements AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Finished>;
  stdout = '';
  stderr = '';
  hasEnded = false;
  readonly #child: ChildProcess;

  constructor(args: readonly string[], { cwd, env, input, descriptors, inside }: ProgramOptions) {
    const limited = descriptors === undefined ? [] : ['prlimit', `--nofile=${descriptors}:${descriptors}`];
    const words = [...limited, process.execPath, findEntry(env), ...args] as [string, ...string[]];
    const [program, ...rest] = inside ? inside.words(...words) : words;
    const child = spawn(program, rest, { cwd, env });
    if (child.pid === undefined) throw new Error('node could not be started');
    this.#child = child;
    this.pid = child.pid;
    child.stdin.on('error', () => undefined).end(input ?? '');
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    // Not `close`: a grandchild may hold its output open. What it wrote itself is read to the end after its exit.
    const exited = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      child.once('exit', (code, signal) => {
        setImmediate(() => {
          resolve([code, signal]);
        });
      });
    });
    const drained = new Promise<void>((resolve) => child.once('close', resolve));
    this.ended = exited.then(async ([exitCode, signal]) => {
      this.hasEnded = true;
      await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 500).unref())]);
      const { stdout, stderr } = this;
      return { exitCode, signal, stdout, stderr, json: () => parse(stdout, stderr) };
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Until it ends by itself; one that does not is ended, and the test fails. */
  async finished(timeoutMs: number = patienceMs): Promise<Finished> {
    await until(() => this.hasEnded, `wtd ends: ${inspect([this.stdout, this.stderr])}`, timeoutMs).catch(
      async (error: unknown) => {
        await this[Symbol.asyncDispose]();
        throw error;
      },
    );
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.hasEnded) this.#child.kill('SIGKILL');
    await this.ended;
  }
}

function parse(stdout: string, stderr: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`standard output is not one JSON document: ${inspect(stdout)}; standard error: ${inspect(stderr)}`);
  }
}
