import { describe, expect, test } from 'vitest';
import { failure, Gate, serve, until } from './rig.ts';

const mebibyte = 1024 * 1024;

/** A request that is exactly so many bytes long, without the end of its line. */
function requestOf(bytes: number): string {
  const [before, after] = ['{"jsonrpc":"2.0","id":1,"method":"length","params":{"text":"', '"}}'];
  return before + 'x'.repeat(bytes - before.length - after.length) + after;
}

const length = ({ text }: Record<string, unknown>) => String(text).length;

describe('a line', () => {
  test('may be 1 MiB long', async () => {
    const peer = await (await serve({ length })).connect();
    expect(await peer.ask(`${requestOf(mebibyte)}\n`)).toHaveProperty('result');
  });

  test('that is longer gets one error, and the connection is closed', async () => {
    const peer = await (await serve({ length })).connect();
    expect(await peer.ask(`${requestOf(mebibyte + 1)}\n`)).toEqual(failure(null, -32600, 'INVALID_REQUEST'));
    await expect(peer.next()).rejects.toThrow('closed');
  });

  test('is refused before its end is seen, however much follows', async () => {
    const peer = await (await serve({ length })).connect();
    peer.send('x'.repeat(8 * mebibyte));
    expect(await peer.next()).toEqual(failure(null, -32600, 'INVALID_REQUEST'));
    await peer.closed;
  });

  test('that is refused to a client that never reads or ends does not keep the connection', async () => {
    const server = await serve({ length });
    const peer = await server.connect();
    peer.socket.pause();
    peer.socket.allowHalfOpen = true;
    peer.send('x'.repeat(mebibyte + 1));
    await until(() => server.connections.length === 1 && server.sockets.size === 0);
    expect(peer.socket.writable).toBe(true);
  });
});

describe('a batch', () => {
  const call = { jsonrpc: '2.0', id: 1, method: 'length', params: { text: '' } };

  test('may have 100 messages', async () => {
    const peer = await (await serve({ length })).connect();
    expect(await peer.ask(Array.from({ length: 100 }, () => call))).toHaveLength(100);
  });

  test('of more gets one error, nothing of it is carried out, and the connection is closed', async () => {
    let calls = 0;
    const peer = await (await serve({ length: () => ++calls })).connect();
    expect(await peer.ask(Array.from({ length: 101 }, () => call))).toEqual(failure(null, -32600, 'INVALID_REQUEST'));
    await expect(peer.next()).rejects.toThrow('closed');
    expect(calls).toBe(0);
  });
});

describe('calls in flight', () => {
  test('are at most 64 of one connection; the rest begins when they end', async () => {
    const gate = new Gate();
    const server = await serve({ slow: () => gate.pass(), ping: () => 'pong' });
    const [peer, other] = [await server.connect(), await server.connect()];
    for (let id = 1; id <= 200; id++) peer.request(id, 'slow');
    await until(() => gate.arrived === 64);
    expect(await other.ask({ jsonrpc: '2.0', id: 1, method: 'ping' })).toHaveProperty('result', 'pong');
    expect(gate.arrived).toBe(64);
    gate.open();
    const ids = new Set<unknown>();
    for (let count = 0; count < 200; count++) ids.add(((await peer.next()) as { id: number }).id);
    expect(ids.size).toBe(200);
  });

  test('count each call of a batch', async () => {
    const gate = new Gate();
    let pings = 0;
    const server = await serve({ slow: () => gate.pass(), ping: () => ++pings });
    const [peer, other] = [await server.connect(), await server.connect()];
    peer.send(Array.from({ length: 64 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'slow' })));
    peer.request(65, 'ping');
    await until(() => gate.arrived === 64);
    await other.ask({ jsonrpc: '2.0', id: 1, method: 'ping' });
    expect(pings).toBe(1);
    gate.open();
    const answers = [await peer.next(), await peer.next()];
    expect(answers).toContainEqual({ jsonrpc: '2.0', id: 65, result: 2 });
  });

  test('begin as soon as one call of a batch has ended, though the batch is not answered', async () => {
    const [early, late] = [new Gate(), new Gate()];
    const peer = await (
      await serve({ early: () => early.pass(), late: () => late.pass(), ping: () => 'pong' })
    ).connect();
    peer.send(Array.from({ length: 64 }, (_, id) => ({ jsonrpc: '2.0', id, method: id === 0 ? 'early' : 'late' })));
    peer.request(65, 'ping');
    await until(() => late.arrived === 63);
    early.open();
    expect(await peer.next()).toHaveProperty('id', 65);
    late.open();
    expect(await peer.next()).toHaveLength(64);
  });

  test('do not include waits, of which there may be 256', async () => {
    const gate = new Gate();
    const peer = await (await serve({ wait: () => gate.pass(), ping: () => 'pong' })).connect();
    for (let id = 1; id <= 257; id++) peer.request(id, 'wait');
    expect(await peer.next()).toEqual(failure(257, 1004, 'LIMIT_REACHED'));
    expect(await peer.ask({ jsonrpc: '2.0', id: 300, method: 'ping' })).toHaveProperty('result', 'pong');
    gate.open();
    for (let count = 0; count < 256; count++) expect(await peer.next()).toHaveProperty('result', null);
    peer.request(1, 'wait');
    expect(await peer.next()).toHaveProperty('result', null);
  });
});

describe('a client that never reads', () => {
  test('is not read either, and disturbs nobody', async () => {
    let calls = 0;
    const answer = 'x'.repeat(100_000);
    const server = await serve({ much: () => (calls++, answer), ping: () => 'pong' });
    const [silent, other] = [await server.connect(), await server.connect()];
    silent.socket.pause();
    for (let id = 1; id <= 2000; id++) silent.request(id, 'much');
    await until(() => calls >= 10);
    for (let id = 1; id <= 200; id++) {
      expect(await other.ask({ jsonrpc: '2.0', id, method: 'ping' })).toEqual({ jsonrpc: '2.0', id, result: 'pong' });
    }
    expect(calls).toBeLessThan(200);
    silent.socket.resume();
    for (let count = 0; count < 2000; count++) await silent.next();
    expect(calls).toBe(2000);
  });

  test('but sends errors without end is held as well', async () => {
    const server = await serve({ ping: () => 'pong' });
    const [silent, other] = [await server.connect(), await server.connect()];
    silent.socket.pause();
    silent.send('{}\n'.repeat(500_000));
    for (let id = 1; id <= 500; id++) await other.ask({ jsonrpc: '2.0', id, method: 'ping' });
    expect(silent.socket.writableLength).toBeGreaterThan(0);
    silent.socket.destroy();
    await until(() => server.connections[0]?.signal.aborted === true);
  });
});
