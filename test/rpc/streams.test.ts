import { describe, expect, test } from 'vitest';
import { RpcError } from '../../src/rpc/errors.ts';
import { StreamSource, type StreamControl } from '../../src/rpc/stream-source.ts';
import { failure, Gate, serve, until, type Peer } from './rig.ts';

// eslint-disable-next-line @typescript-eslint/require-await -- a source that never waits is the hardest to hold
async function* count(to: number) {
  for (let item = 1; item <= to; item++) yield item;
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });

/** Gives 0, then nothing until it is cancelled. */
const endless = (onEnd: () => void = () => undefined) =>
  new StreamSource(async function* ({ signal }) {
    try {
      yield 0;
      await aborted(signal);
    } finally {
      onEnd();
    }
  });

const item = (stream: string, value: unknown) => ({
  jsonrpc: '2.0',
  method: 'stream.item',
  params: { stream, item: value },
});
const end = (stream: string) => ({ jsonrpc: '2.0', method: 'stream.end', params: { stream } });

async function open(peer: Peer, method: string): Promise<string> {
  const answer = (await peer.ask({ jsonrpc: '2.0', id: 1, method })) as { result: { stream: string } };
  return answer.result.stream;
}

describe('a stream', () => {
  test('is answered with its id, then come its items, at last its end', async () => {
    const peer = await (await serve({ count: () => new StreamSource(() => count(3)) })).connect();
    const stream = await open(peer, 'count');
    expect(stream).toEqual(expect.any(String));
    for (const value of [1, 2, 3]) expect(await peer.next()).toEqual(item(stream, value));
    expect(await peer.next()).toEqual(end(stream));
  });

  test('in a batch begins after the answer to the batch', async () => {
    const gate = new Gate();
    const server = await serve({ count: () => new StreamSource(() => count(1)), slow: () => gate.pass() });
    const peer = await server.connect();
    const other = { jsonrpc: '2.0', id: 3, method: 'slow' };
    peer.send([{ jsonrpc: '2.0', id: 1, method: 'count' }, { jsonrpc: '2.0', id: 2, method: 'count' }, other]);
    await until(() => gate.arrived === 1);
    expect(await peer.ask({ jsonrpc: '2.0', id: 4, method: 'nothing' })).toHaveProperty('id', 4);
    gate.open();
    const answers = (await peer.next()) as { result: { stream: string } | null }[];
    const ids = answers.flatMap(({ result }) => result?.stream ?? []);
    expect(new Set(ids).size).toBe(2);
    const rest = [await peer.next(), await peer.next(), await peer.next(), await peer.next()];
    for (const id of ids) expect(rest).toEqual(expect.arrayContaining([item(id, 1), end(id)]));
  });

  test('that was asked for by a notification is not opened', async () => {
    let opened = 0;
    const source = new StreamSource(() => (opened++, count(3)));
    const peer = await (await serve({ count: () => source, ping: () => 'pong' })).connect();
    peer.notify('count');
    expect(await peer.ask({ jsonrpc: '2.0', id: 1, method: 'ping' })).toHaveProperty('result', 'pong');
    expect(opened).toBe(0);
  });

  test('ends with the error that its source throws on purpose, and with INTERNAL on a defect', async () => {
    const source = (error: Error) =>
      // eslint-disable-next-line @typescript-eslint/require-await
      new StreamSource(async function* () {
        yield 1;
        throw error;
      });
    const defect = new Error('secret');
    const server = await serve({
      refuse: () => source(new RpcError(1001, 'It is gone.', { code: 'NOT_FOUND', hint: 'none' })),
      crash: () => source(defect),
    });
    const peer = await server.connect();
    await open(peer, 'refuse');
    await peer.next();
    expect(await peer.next()).toHaveProperty('params.error', {
      code: 1001,
      message: 'It is gone.',
      data: { code: 'NOT_FOUND', hint: 'none' },
    });
    await open(peer, 'crash');
    await peer.next();
    const last = await peer.next();
    expect(last).toHaveProperty('params.error.data.code', 'INTERNAL');
    expect(JSON.stringify(last)).not.toContain('secret');
    expect(server.reports).toEqual([defect]);
  });

  test('that is cancelled ends without an error, and others go on', async () => {
    let ended = 0;
    const server = await serve({ endless: () => endless(() => ended++) });
    const peer = await server.connect();
    const [first, second] = [await open(peer, 'endless'), (await peer.next(), await open(peer, 'endless'))];
    await peer.next();
    peer.notify('stream.cancel', { stream: first });
    expect(await peer.next()).toEqual(end(first));
    expect(ended).toBe(1);
    expect(second).not.toBe(first);
    for (const params of [{ stream: first }, { stream: 7 }, {}, [], undefined]) peer.notify('stream.cancel', params);
    peer.notify('stream.cancel', { stream: second });
    expect(await peer.next()).toEqual(end(second));
  });

  test('ends with its connection', async () => {
    let ended = 0;
    const server = await serve({ endless: () => endless(() => ended++) });
    const peer = await server.connect();
    await open(peer, 'endless');
    peer.socket.destroy();
    await until(() => ended === 1);
    expect(server.connections[0]?.signal.aborted).toBe(true);
  });

  test('is refused when 64 are open', async () => {
    const peer = await (await serve({ endless: () => endless() })).connect();
    let first = '';
    for (let number = 0; number < 64; number++) {
      first ||= await open(peer, 'endless');
      if (number > 0) await open(peer, 'endless');
      await peer.next();
    }
    expect(await peer.ask({ jsonrpc: '2.0', id: 2, method: 'endless' })).toEqual(failure(2, 1004, 'LIMIT_REACHED'));
    peer.notify('stream.cancel', { stream: first });
    await peer.next();
    expect(await peer.ask({ jsonrpc: '2.0', id: 3, method: 'endless' })).toHaveProperty('result.stream');
  });
});

describe('a reader that falls behind', () => {
  const text = 'x'.repeat(10_000);
  const total = 5000;

  test('holds a patient source and misses nothing', async () => {
    let pulled = 0;
    async function* source() {
      for await (const number of count(total)) {
        pulled = number;
        yield { number, text };
      }
    }
    const server = await serve({ log: () => new StreamSource(source), ping: () => 'pong' });
    const [peer, other] = [await server.connect(), await server.connect()];
    peer.request(1, 'log');
    peer.socket.pause();
    await until(() => pulled > 50);
    for (let id = 1; id <= 100; id++) await other.ask({ jsonrpc: '2.0', id, method: 'ping' });
    expect(pulled).toBeLessThan(500);
    peer.socket.resume();
    await peer.next();
    for (let number = 1; number <= total; number++) {
      expect(await peer.next()).toHaveProperty('params.item.number', number);
    }
    expect(await peer.next()).toHaveProperty('method', 'stream.end');
  });

  test('is cut off from a live source with TIMEOUT, after what it was sent before', async () => {
    let pulled = 0;
    const server = await serve({
      watch: () =>
        // eslint-disable-next-line @typescript-eslint/require-await
        new StreamSource(async function* ({ live }: StreamControl) {
          live();
          for (;;) yield { number: ++pulled, text };
        }),
    });
    const peer = await server.connect();
    peer.request(1, 'watch');
    peer.socket.pause();
    await until(() => pulled > 800);
    peer.socket.resume();
    await peer.next();
    for (let number = 1; number <= pulled; number++) {
      expect(await peer.next()).toHaveProperty('params.item.number', number);
    }
    expect(await peer.next()).toMatchObject({
      method: 'stream.end',
      // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment
      params: { error: { code: 1013, data: { code: 'TIMEOUT', hint: expect.stringContaining('last number') } } },
    });
    expect(pulled).toBeLessThan(2000);
  });
});
