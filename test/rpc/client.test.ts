import { createConnection } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RpcClient } from '../../src/rpc/client.ts';
import { ConnectionClosedError, RpcError } from '../../src/rpc/errors.ts';
import { socketChannel } from '../../src/rpc/socket-channel.ts';
import { StreamSource } from '../../src/rpc/stream-source.ts';
import { Gate, serve, until, type Methods } from './rig.ts';

async function connectTo(methods: Methods) {
  const server = await serve(methods);
  const client = new RpcClient(socketChannel(createConnection({ path: server.path })));
  onTestFinished(() => {
    client.close();
  });
  return { client, server };
}

/** Counts up, as fast as it is read, until it is cancelled. */
const numbers = (state: { pulled: number; ended: boolean }, text = '') =>
  new StreamSource(async function* ({ signal }) {
    try {
      while (!signal.aborted) {
        yield { number: ++state.pulled, text };
        if (state.pulled % 100 === 0) await new Promise(setImmediate);
      }
    } finally {
      state.ended = true;
    }
  });

const numberOf = (item: unknown) => (item as { number: number }).number;

describe('a call', () => {
  test('gives the result, with many at once', async () => {
    const { client } = await connectTo({ echo: (params) => params });
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => client.call('echo', { n })));
    expect(answers).toEqual(Array.from({ length: 500 }, (_, n) => ({ n })));
  });

  test('rejects with code, message and data of the answer', async () => {
    const { client } = await connectTo({});
    const error = await client.call('missing').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: -32601, message: 'Method not found', data: { code: 'METHOD_NOT_FOUND' } });
  });

  test('rejects with TIMEOUT when its time is up, and the connection goes on', async () => {
    const gate = new Gate();
    const { client } = await connectTo({ slow: () => gate.pass(), ping: () => 'pong' });
    await expect(client.call('slow', {}, { timeoutMs: 5 })).rejects.toMatchObject({
      code: 1013,
      data: { code: 'TIMEOUT' },
    });
    gate.open();
    expect(await client.call('ping', {}, { timeoutMs: 10_000 })).toBe('pong');
  });

  test('rejects with the reason of its signal', async () => {
    const gate = new Gate();
    const { client } = await connectTo({ slow: () => gate.pass() });
    const reason = new Error('enough');
    const abort = new AbortController();
    const call = client.call('slow', {}, { signal: abort.signal });
    abort.abort(reason);
    await expect(call).rejects.toBe(reason);
    await expect(client.call('slow', {}, { signal: abort.signal })).rejects.toBe(reason);
  });

  test('rejects when the connection closes, whoever closes it, and afterwards', async () => {
    const gate = new Gate();
    const { client, server } = await connectTo({ wait: () => gate.pass() });
    const closed = new Promise<void>((resolve) => {
      client.onClose(resolve);
    });
    const call = client.call('wait');
    await until(() => gate.arrived === 1);
    server.connections[0]?.close();
    await expect(call).rejects.toBeInstanceOf(ConnectionClosedError);
    await closed;
    await expect(client.call('wait')).rejects.toBeInstanceOf(ConnectionClosedError);
  });

  test('that is too long for the server rejects with what the server said', async () => {
    const { client } = await connectTo({ echo: (params) => params });
    const call = client.call('echo', { text: 'x'.repeat(4 * 1024 * 1024) });
    await expect(call).rejects.toMatchObject({ code: -32600, data: { code: 'INVALID_REQUEST' } });
  });

  test('rejects when something else than JSON comes back', async () => {
    const { client, server } = await connectTo({ wait: () => new Promise(() => undefined) });
    const call = client.call('wait');
    await until(() => server.sockets.size === 1);
    for (const socket of server.sockets) socket.write('HTTP/1.1 400 Bad Request\n');
    await expect(call).rejects.toBeInstanceOf(ConnectionClosedError);
  });
});

describe('a stream', () => {
  test('gives every item and ends', async () => {
    const { client } = await connectTo({
      count: () =>
        // eslint-disable-next-line @typescript-eslint/require-await
        new StreamSource(async function* () {
          for (let number = 1; number <= 1000; number++) yield number;
        }),
    });
    const seen: unknown[] = [];
    for await (const item of client.stream('count')) seen.push(item);
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
  });

  test('throws the error it is refused with, or ends with, after its items', async () => {
    const { client } = await connectTo({
      broken: () =>
        // eslint-disable-next-line @typescript-eslint/require-await
        new StreamSource(async function* () {
          yield 1;
          throw new RpcError(1001, 'It is gone.');
        }),
      plain: () => 'no stream',
    });
    const seen: unknown[] = [];
    const read = async (method: string) => {
      for await (const item of client.stream(method)) seen.push(item);
    };
    await expect(read('broken')).rejects.toMatchObject({ code: 1001, message: 'It is gone.' });
    expect(seen).toEqual([1]);
    await expect(read('missing')).rejects.toMatchObject({ code: -32601 });
    await expect(read('plain')).rejects.toThrow('does not answer with a stream');
  });

  test('is cancelled when its consumer stops early', async () => {
    const state = { pulled: 0, ended: false };
    const { client } = await connectTo({ numbers: () => numbers(state), ping: () => 'pong' });
    for await (const item of client.stream('numbers')) if (numberOf(item) === 10) break;
    await until(() => state.ended);
    expect(await client.call('ping')).toBe('pong');
  });

  test('is cancelled by its signal, before its answer as well as between items', async () => {
    const state = { pulled: 0, ended: false };
    const gate = new Gate();
    const quiet = { ended: false };
    const { client } = await connectTo({
      late: async () => {
        await gate.pass();
        return numbers(state);
      },
      quiet: () =>
        new StreamSource(async function* ({ signal }) {
          yield 0;
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve);
          });
          quiet.ended = true;
        }),
    });
    const reason = new Error('enough');
    const read = async (method: string, abort: AbortController, onItem: (item: unknown) => void) => {
      for await (const item of client.stream(method, {}, { signal: abort.signal })) onItem(item);
    };
    const early = new AbortController();
    const reading = read('late', early, () => undefined);
    await until(() => gate.arrived === 1);
    early.abort(reason);
    await expect(reading).rejects.toBe(reason);
    gate.open();
    await until(() => state.ended);

    const between = new AbortController();
    const waiting = read('quiet', between, () => {
      setImmediate(() => {
        between.abort(reason);
      });
    });
    await expect(waiting).rejects.toBe(reason);
    await until(() => quiet.ended);
  });

  test('gives what had arrived, then throws, when the connection closes', async () => {
    const { client, server } = await connectTo({
      numbers: () =>
        new StreamSource(async function* () {
          yield 1;
          await new Promise(() => undefined);
        }),
    });
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const item of client.stream('numbers')) {
        seen.push(item);
        server.connections[0]?.close();
      }
    })();
    await expect(reading).rejects.toBeInstanceOf(ConnectionClosedError);
    expect(seen).toEqual([1]);
  });

  test('whose consumer lags holds its source', async () => {
    const state = { pulled: 0, ended: false };
    const { client, server } = await connectTo({ numbers: () => numbers(state, 'x'.repeat(10_000)) });
    const other = await server.connect();
    let expected = 0;
    for await (const item of client.stream('numbers')) {
      expect(numberOf(item)).toBe(++expected);
      if (expected === 1) {
        await until(() => state.pulled > 200);
        for (let id = 1; id <= 200; id++) await other.ask({ jsonrpc: '2.0', id, method: 'none' });
        expect(state.pulled).toBeLessThan(1000);
      }
      if (expected === 2000) break;
    }
    await until(() => state.ended);
  });

  test('whose consumer lags keeps back no answer to a call, and is cut off with TIMEOUT when it is 8 MiB behind', async () => {
    const state = { pulled: 0, ended: false };
    const { client } = await connectTo({ numbers: () => numbers(state, 'x'.repeat(10_000)), ping: () => 'pong' });
    let last = 0;
    const reading = (async () => {
      for await (const item of client.stream('numbers')) {
        expect(numberOf(item)).toBe(++last);
        if (last === 1) while (state.pulled < 2000) expect(await client.call('ping')).toBe('pong');
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 1013, data: { code: 'TIMEOUT' } });
    expect(last).toBeGreaterThan(500);
    await until(() => state.ended);
  });
});
