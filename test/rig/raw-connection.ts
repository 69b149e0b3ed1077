import { createConnection, type Socket } from 'node:net';
import { until } from './until.ts';

type Message = Record<string, unknown>;

/** A client that speaks in lines and checks nothing, as a script with nc would. */
export class RawConnection implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #lines: string[] = [];
  #rest = '';
  isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop() ?? '';
      this.#lines.push(...lines);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static connect(path: string): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawConnection(socket));
      });
    });
  }

  /** Text as it is, anything else as one line of JSON. */
  send(message: unknown): void {
    this.#socket.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`);
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** The next line, as JSON. */
  async next(): Promise<unknown> {
    await until(() => this.#lines.length > 0 || this.isClosed, 'the daemon sends a line');
    const line = this.#lines.shift();
    if (line === undefined) throw new Error('the daemon closed the connection');
    return JSON.parse(line);
  }

  /** Sends a request, and answers its answer; other lines are kept back for nobody. */
  async ask(method: string, params: unknown = {}, id: number | string = 1): Promise<Message> {
    this.send({ jsonrpc: '2.0', id, method, params });
    for (;;) {
      const message = (await this.next()) as Message;
      if (message['id'] === id) return message;
    }
  }

  /** Reads nothing from now on. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** No more will be sent; what is answered can still be read. */
  end(): void {
    this.#socket.end();
  }

  async untilClosed(): Promise<void> {
    await until(() => this.isClosed, 'the daemon closes the connection');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.untilClosed();
  }
}
