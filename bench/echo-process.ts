import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Home } from './home.ts';

const file = fileURLToPath(new URL('echo.ts', import.meta.url));

/** The echo as a process of its own; it ends with this one. */
export class EchoProcess implements AsyncDisposable {
  readonly socket: string;
  readonly #child: ChildProcess;

  private constructor(socket: string) {
    this.socket = socket;
    this.#child = fork(file, [socket]);
  }

  static async start(home: Home): Promise<EchoProcess> {
    const echo = new EchoProcess(join(home.directory, 'echo.sock'));
    await once(echo.#child, 'message');
    return echo;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
