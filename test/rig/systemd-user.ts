import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('systemd-user.sh', import.meta.url));
const patienceMs = 40_000;

type Environment = Readonly<Record<string, string>>;

/** How a program inside has ended; `exitCode` is null when a signal or the patience of the test ended it. */
export interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/**
 * A real `systemd --user` of the test's own, with units from its HOME. What runs inside has its mounts and finds it;
 * pids and files are those of the machine. Disposed of with everything that it ever started.
 */
export class UserManager implements AsyncDisposable {
  /** What programs inside start with; the manager's units get it as well. */
  readonly env: Environment;
  readonly #keeper: ChildProcessByStdio<Writable, Readable, Readable>;

  private constructor(env: Environment, keeper: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.env = env;
    this.#keeper = keeper;
  }

  /** Why none can be started on this machine; null when one can. Starts one to know it. */
  static async obstacle(): Promise<string | null> {
    const directory = mkdtempSync(join(tmpdir(), 'wtd-'));
    try {
      await using _ = await UserManager.start(directory, { PATH: process.env['PATH'] ?? '', HOME: directory });
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** `directory` is private to the test and takes the manager's runtime directory. Throws when none can be started. */
  static async start(directory: string, environment: Environment): Promise<UserManager> {
    const runtime = join(directory, 'runtime');
    mkdirSync(runtime, { mode: 0o700 });
    const env = { ...environment, XDG_RUNTIME_DIR: runtime };
    const keeper = spawn('/bin/sh', [script, runtime], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const manager = new UserManager(env, keeper);
    let said = '';
    keeper.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const isServing = await new Promise<boolean>((resolve) => {
      keeper.stdout.once('data', () => {
        resolve(true);
      });
      keeper.once('close', () => {
        resolve(false);
      });
      keeper.stdin.on('error', () => undefined);
    });
    if (!isServing) throw new Error(`no user manager can be started here: ${said.trim()}`);
    return manager;
  }

  /** The words that run a program inside; its pid is that of the process started with them. */
  words(program: string, ...args: string[]): [string, ...string[]] {
    return ['nsenter', `--mount=/proc/${this.#keeper.pid ?? 0}/ns/mnt`, '--', program, ...args];
  }

  /** Runs a program inside to its end. */
  run(program: string, args: readonly string[] = [], more: Environment = {}): Promise<Ended> {
    const [enter, ...words] = this.words(program, ...args);
    return new Promise((resolve) => {
      const options = { env: { ...this.env, ...more }, cwd: '/', timeout: patienceMs };
      const child = execFile(enter, words, options, (_, stdout, stderr) => {
        resolve({ exitCode: child.exitCode, stdout, stderr });
      });
    });
  }

  /** `systemctl --user`; answers what it printed and throws when it fails. */
  async systemctl(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run('systemctl', ['--user', ...args]);
    if (exitCode !== 0) throw new Error(`systemctl --user ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#keeper.once('close', resolve));
    if (this.#keeper.exitCode !== null) return;
    this.#keeper.stdin.end();
    await ended;
  }
}
