import { once, setMaxListeners } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { errors, WtdError } from '../contract/errors.ts';
import { RpcError } from '../rpc/errors.ts';
import { Holdings } from '../rpc/holdings.ts';
import { serveConnection, type Connection } from '../rpc/server.ts';
import { socketChannel } from '../rpc/socket-channel.ts';
import { StreamSource, type StreamControl } from '../rpc/stream-source.ts';
import type { Dispatch } from './dispatch.ts';
import { findExhaustion } from './exhaustion.ts';
import type { Logger } from './log.ts';
import { SocketFile } from './socket-file.ts';
import { Sparing } from './sparing.ts';

const mostConnections = 1000;
/** The rest is for runs, git and files. */
const descriptorsPerConnection = 4;
/** So many are told why at the same time. */
const mostRefused = 50;
const lingerMs = 1000;
/** rw------- for the socket file from its first moment. */
const privateUmask = 0o177;

/** Serves the contract on a Unix socket, or on one that a service manager handed over. */
export class SocketServer implements AsyncDisposable {
  readonly #dispatch: Dispatch;
  readonly #log: Logger;
  readonly #connections = new Set<Connection>();
  readonly #mostConnections: number;
  readonly #failed: Sparing;
  readonly #dropped: Sparing;
  readonly #holdings = new Holdings(() => {
    this.#dropped.tell();
  });
  #server: Server | undefined;
  #handedOver: Server | undefined;
  /** Servers that listen no more, until the connections they accepted are gone. */
  readonly #closing = new Set<Promise<void>>();
  /** Undefined when the socket was handed over. */
  #file: SocketFile | undefined;
  #refused = 0;
  #nextId = 1;

  /** `mostDescriptors`: how many the process may open. */
  constructor(parts: { dispatch: Dispatch; log: Logger; mostDescriptors?: number }) {
    const { dispatch, log, mostDescriptors = Infinity } = parts;
    this.#dispatch = dispatch;
    this.#log = log;
    this.#mostConnections = Math.min(mostConnections, Math.floor(mostDescriptors / descriptorsPerConnection));
    this.#failed = new Sparing((times, error) => {
      log.error({ times, err: error }, 'the socket failed');
    });
    this.#dropped = new Sparing((times) => {
      log.warn({ times }, 'connections that took nothing for long were dropped, because too much is held for clients');
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Listens on a path, there by a socket that a service manager handed over. The caller holds the lock of the home. */
  async listen({ path, handedOver }: { path: string; handedOver: number | null }): Promise<void> {
    this.#file = new SocketFile(path);
    if (handedOver === null) {
      await this.#openFile(this.#file);
    } else {
      this.#file.borrow();
      await this.#open({ fd: handedOver });
      this.#handedOver = this.#server;
    }
  }

  /** Listens again when somebody took the socket file away; connections that are open notice nothing. */
  async keepReachable(): Promise<void> {
    const file = this.#file;
    try {
      const found = file?.look() ?? 'ours';
      if (!file || found === 'ours') return;
      const before = this.#server;
      await this.#openFile(file);
      // One that was handed over may be reached by a path of its own.
      if (before && before !== this.#handedOver) this.#close(before);
      this.#log.warn({ socket: file.path, found }, 'the socket file was taken away; listening there again');
    } catch (error) {
      this.#failed.tell(error);
    }
  }

  async #openFile(file: SocketFile): Promise<void> {
    file.prepare();
    const before = process.umask(privateUmask);
    let opened: Promise<void>;
    try {
      opened = this.#open({ path: file.boundPath }); // it is bound when this returns
    } finally {
      process.umask(before);
    }
    await opened;
    file.publish();
  }

  async #open(where: { path: string } | { fd: number }): Promise<void> {
    const server = createServer((socket) => {
      this.#accept(socket);
    });
    const listening = once(server, 'listening');
    server.listen({ ...where, backlog: mostConnections });
    await listening;
    server.on('error', (error) => {
      this.#failed.tell(error);
    });
    this.#server = server;
  }

  #close(server: Server): void {
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        this.#closing.delete(closed);
        resolve();
      });
    });
    this.#closing.add(closed);
  }

  /** No new connections; answers once every connection is gone. Those that are open get their answers first. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of new Set([this.#server, this.#handedOver])) if (server) this.#close(server);
    this.#file?.remove();
    for (const connection of this.#connections) connection.close();
    await Promise.all(this.#closing);
    this.#failed[Symbol.dispose]();
    this.#dropped[Symbol.dispose]();
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#mostConnections) {
      this.#refuse(socket);
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
    const connection = serveConnection(channel, handler, { id: this.#nextId, holdings: this.#holdings });
    this.#nextId += 1;
    setMaxListeners(0, connection.signal); // as many as there are waits on it, which rpc limits
    this.#connections.add(connection);
    connection.onClose(() => {
      this.#connections.delete(connection);
    });
  }

  /** Says why and goes. What the other side sends meanwhile is dropped, or it would fail before it reads why. */
  #refuse(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.#refused >= mostRefused) {
      socket.destroy();
      return;
    }
    this.#refused += 1;
    const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
    socket.once('close', () => {
      clearTimeout(timer);
      this.#refused -= 1;
    });
    socket.end(`${JSON.stringify(refusal(this.#mostConnections))}\n`);
    socket.resume();
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

async function* withWireErrors(items: AsyncIterable<unknown>): AsyncGenerator {
  try {
    yield* items;
  } catch (error) {
    throw toWire(error);
  }
}

function toWire(error: unknown): unknown {
  const told = error instanceof WtdError ? error : findExhaustion(error);
  return told ? new RpcError(errors[told.code].rpc ?? errors.INTERNAL.rpc, told.message, told.data) : error;
}

const refusal = (most: number) => ({
  jsonrpc: '2.0',
  id: null,
  error: {
    code: errors.LIMIT_REACHED.rpc,
    message: `${most} connections are open, and no more are accepted`,
    data: {
      code: 'LIMIT_REACHED',
      hint: 'close some',
      limit: 'connections',
      current: most,
      max: most,
      suggestions: [],
    },
  },
});
