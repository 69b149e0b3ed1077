import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { Holdings } from '../../src/rpc/holdings.ts';
import { serveConnection, type Connection } from '../../src/rpc/server.ts';
import { socketChannel } from '../../src/rpc/socket-channel.ts';

export type Methods = Record<string, (params: Record<string, unknown>, connection: Connection) => unknown>;

export interface Server {
  readonly path: string;
  readonly connections: Connection[];
  /** Those that are not closed yet. */
  readonly sockets: ReadonlySet<Socket>;
  /** What escaped from methods. */
  readonly reports: unknown[];
  connect(): Promise<Peer>;
}

/** Serves methods on a Unix socket of its own; those whose names begin with `wait` are not counted as in flight. */
export async function serve(methods: Methods): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), 'wtd-rpc-'));
  const path = join(directory, 'socket');
  const table = new Map(Object.entries(methods));
  const connections: Connection[] = [];
  const reports: unknown[] = [];
  const sockets = new Set<Socket>();
  const handler = {
    has: (method: string) => table.has(method),
    waits: (method: string) => method.startsWith('wait'),
    // eslint-disable-next-line @typescript-eslint/require-await -- so that what a method throws becomes a rejection
    call: async (method: string, params: Record<string, unknown>, connection: Connection) =>
      table.get(method)?.(params, connection),
    report: (error: unknown) => reports.push(error),
  };
  const holdings = new Holdings();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    connections.push(serveConnection(socketChannel(socket), handler, { id: connections.length + 1, holdings }));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true });
  });
  return { path, connections, sockets, reports, connect: () => connectPeer(path) };
}

/** A client that speaks in lines and checks nothing. */
export class Peer {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly #lines: string[] = [];
  #rest = '';
  #wake: () => void = () => undefined;
  #isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop() ?? '';
      this.#lines.push(...lines);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Bytes or text as they are; everything else as a line of JSON. */
  send(message: unknown): void {
    if (typeof message === 'string' || message instanceof Uint8Array) this.socket.write(message);
    else this.socket.write(`${JSON.stringify(message)}\n`);
  }

  request(id: number | string | null, method: string, params?: unknown): void {
    this.send({ jsonrpc: '2.0', id, method, params });
  }

  notify(method: string, params?: unknown): void {
    this.send({ jsonrpc: '2.0', method, params });
  }

  /** The next message; throws when the connection ends first. */
  async next(): Promise<unknown> {
    while (this.#lines.length === 0) {
      if (this.#isClosed) throw new Error('the connection was closed');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return JSON.parse(this.#lines.shift() ?? '') as unknown;
  }

  async ask(message: unknown): Promise<unknown> {
    this.send(message);
    return await this.next();
  }
}

async function connectPeer(path: string): Promise<Peer> {
  const socket = createConnection({ path });
  onTestFinished(() => {
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return new Peer(socket);
}

/** Something a test opens when it wants what waits for it to go on. */
export class Gate {
  readonly opened: Promise<void>;
  open: () => void = () => undefined;
  /** How many have come to the gate. */
  arrived = 0;

  constructor() {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }

  async pass(): Promise<void> {
    this.arrived++;
    await this.opened;
  }
}

/** Resolves as soon as the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** What an error answer looks like, without its words. */
export const failure = (id: unknown, code: number, name: string) => ({
  jsonrpc: '2.0',
  id,
  // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- asymmetric matchers are typed any
  error: expect.objectContaining({ code, data: expect.objectContaining({ code: name, hint: expect.any(String) }) }),
});
