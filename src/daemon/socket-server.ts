import { chmodSync, unlinkSync } from 'node:fs';
import { setMaxListeners } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { errors, WtdError } from '../contract/errors.ts';
import { RpcError } from '../rpc/errors.ts';
import { serveConnection, type Connection } from '../rpc/server.ts';
import { socketChannel } from '../rpc/socket-channel.ts';
import { StreamSource, type StreamControl } from '../rpc/stream-source.ts';
import type { Dispatch } from './dispatch.ts';
import type { Logger } from './log.ts';

const mostConnections = 1000;
const lingerMs = 1000;
/** rw------- for the socket file from its first moment. */
const privateUmask = 0o177;

/** Serves the contract on a Unix socket, or on one that a service manager handed over. */
export class SocketServer implements AsyncDisposable {
  readonly #dispatch: Dispatch;
  readonly #log: Logger;
  readonly #connections = new Set<Connection>();
  readonly #server: Server;
  #nextId = 1;

  constructor(parts: { dispatch: Dispatch; log: Logger }) {
    this.#dispatch = parts.dispatch;
    this.#log = parts.log;
    this.#server = createServer((socket) => {
      this.#accept(socket);
    });
    this.#server.on('error', (error) => {
      this.#log.error({ err: error }, 'the socket failed');
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** The caller holds the lock of the home, so a socket file that is there belongs to nobody. */
  async listen(where: { path: string } | { fd: number }): Promise<void> {
    if ('path' in where) unlinkStale(where.path);
    const listening = new Promise<void>((resolve, reject) => {
      this.#server.once('listening', resolve);
      this.#server.once('error', reject);
    });
    const before = process.umask(privateUmask);
    try {
      this.#server.listen(where);
    } finally {
      process.umask(before);
    }
    await listening;
    if ('path' in where) chmodSync(where.path, 0o600);
  }

  /** No new connections; answers once every connection is gone. Those that are open get their answers first. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    for (const connection of this.#connections) connection.close();
    await closed;
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= mostConnections) {
      refuse(socket);
      return;
    }
    const channel = socketChannel(socket);
    const handler = {
      has: (method: string) => this.#dispatch.has(method),
      waits: (method: string) => this.#dispatch.waits(method),
      call: (method: string, params: Record<string, unknown>, connection: Connection) =>
        this.#call(method, { params, connection }),
      report: (error: unknown) => {
        this.#log.error({ err: error }, 'a defect');
      },
    };
    const connection = serveConnection(channel, handler, this.#nextId);
    this.#nextId += 1;
    setMaxListeners(0, connection.signal); // as many as there are waits on it, which rpc limits
    this.#connections.add(connection);
    connection.onClose(() => {
      this.#connections.delete(connection);
    });
  }

  async #call(method: string, call: { params: unknown; connection: Connection }): Promise<unknown> {
    try {
      const answer = await this.#dispatch.call(method, call.params, call.connection);
      if (typeof answer !== 'function') return answer;
      const open = answer as (control: StreamControl) => AsyncIterable<unknown>;
      return new StreamSource((control) => withWireErrors(open(control)));
    } catch (error) {
      throw toWire(error);
    }
  }
}

function unlinkStale(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function* withWireErrors(items: AsyncIterable<unknown>): AsyncGenerator {
  try {
    yield* items;
  } catch (error) {
    throw toWire(error);
  }
}

const toWire = (error: unknown): unknown =>
  error instanceof WtdError
    ? new RpcError(errors[error.code].rpc ?? errors.INTERNAL.rpc, error.message, error.data)
    : error;

/** Says why and goes, whatever the other side does. */
function refuse(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.end(`${JSON.stringify(refusal())}\n`, () => socket.destroy());
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

const refusal = () => ({
  jsonrpc: '2.0',
  id: null,
  error: {
    code: errors.LIMIT_REACHED.rpc,
    message: `${mostConnections} connections are open, and no more are accepted`,
    data: {
      code: 'LIMIT_REACHED',
      hint: 'close some',
      limit: 'connections',
      current: mostConnections,
      max: mostConnections,
      suggestions: [],
    },
  },
});
