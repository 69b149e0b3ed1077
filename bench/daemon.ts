import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import type { Home } from './home.ts';

export const mainFile = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** A daemon of the built wtd, in the foreground, ended by its process id. */
export class Daemon implements AsyncDisposable {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    if (child.pid === undefined) throw new Error('node could not be started');
    this.pid = child.pid;
    this.#child = child;
    this.#ended = once(child, 'exit');
    // Before its home is removed, so that it writes nothing there again.
    process.prependOnceListener('exit', this.#kill);
  }

  static async start({ env }: Home): Promise<Daemon> {
    const child = spawn(process.execPath, [mainFile, 'daemon'], {
      cwd: '/',
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const daemon = new Daemon(child);
    for await (const line of createInterface(child.stdout)) {
      if (!line.includes('wtd serves on ')) continue;
      child.stdout.resume();
      return daemon;
    }
    throw new Error('the daemon ended before it served');
  }

  readonly #kill = (): void => {
    this.#child.kill('SIGKILL');
  };

  /** SIGKILL: no chance to tidy up. */
  async kill(): Promise<void> {
    this.#kill();
    await this.#ended;
    process.off('exit', this.#kill);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
    process.off('exit', this.#kill);
  }
}
