import { describe, expect, test } from 'vitest';
import { descriptorsOf, filesOf, memoryOf } from '../rig/processes.ts';
import type { RawConnection } from '../rig/raw-connection.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';
import { failure } from '../rig/wire.ts';

/** What the daemon itself opens late; a leak would be hundreds. */
const fewDescriptors = 10;
const mebibyte = 1024 * 1024;
/** Holding every answer against the contract takes longer than all else here. */
const setUp = () => Rig.setUp({ daemonEnv: { WTD_CHECK_RESULTS: '0' } });

/** In groups and again, because the system turns away who knocks while too many wait at the door. */
async function connectMany(rig: Rig, count: number): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  while (connections.length < count) {
    const group = Math.min(100, count - connections.length);
    const knock = () => until(() => rig.connectRaw(), 'the daemon takes a connection');
    connections.push(...(await Promise.all(Array.from({ length: group }, knock))));
  }
  return connections;
}
const disposeAll = (connections: readonly RawConnection[]) =>
  Promise.all(connections.map((connection) => connection[Symbol.asyncDispose]()));
const untilAlone = (rig: Rig) =>
  until(async () => (await rig.call('daemon.status', {})).counts.connections === 1, 'all others are gone');

interface Item {
  method: string;
  params: { stream: string; item: { seq: number; offset: number; line: string }; error?: unknown };
}

describe('clients that read nothing', () => {
  test('cannot make the daemon grow together, and those who read are answered', async () => {
    await using rig = await setUp();
    const { pid } = rig.daemon;
    await using good = await rig.connectRaw();
    const batch = `[${Array.from({ length: 100 }, () => '{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}').join(',')}]\n`;
    const silent = await connectMany(rig, 50);
    for (const connection of silent) {
      connection.pause();
      connection.send(batch);
      expect(await good.ask('repository.list')).toMatchObject({ result: { repositories: [] } });
    }
    // Each is owed 9 MB, all of them far more than is held for everybody.
    expect(await good.ask('rpc.discover')).toHaveProperty('result');
    expect(memoryOf(pid)).toBeLessThan(800 * mebibyte);
    const { counts } = await rig.call('daemon.status', {});
    expect(counts.connections, 'some were dropped').toBeLessThan(52);
    expect(counts.connections, 'not all of them').toBeGreaterThan(10);
    expect(rig.daemon.readLog()).toContain('were dropped');
    await disposeAll(silent);
    await until(async () => (await good.ask('daemon.status'))['error'] === undefined, 'it goes on');
  });

  test('nor can lines that never end', async () => {
    await using rig = await setUp();
    const { pid } = rig.daemon;
    const halves = await connectMany(rig, 300);
    for (const connection of halves) connection.send(`"${'x'.repeat(mebibyte - 2)}`);
    await until(async () => (await rig.call('daemon.status', {})).counts.connections < 300, 'some were dropped');
    expect(memoryOf(pid)).toBeLessThan(800 * mebibyte);
    await disposeAll(halves);
    await untilAlone(rig);
  });
});

test('one that reads slowly gets everything in the end, and holds up nobody', async () => {
  await using rig = await setUp();
  await using slow = await rig.connectRaw();
  await using good = await rig.connectRaw();
  for (let id = 1; id <= 100; id++) slow.send({ jsonrpc: '2.0', id, method: 'rpc.discover' });
  const ids = new Set<unknown>();
  for (let count = 1; count <= 100; count++) {
    slow.pause();
    expect(await good.ask('repository.list')).toHaveProperty('result');
    slow.resume();
    ids.add(((await slow.next()) as { id: number }).id);
  }
  expect(ids.size).toBe(100);
});

test('a thousand connections are served, one more is refused with a reason, and all may go at once', async () => {
  await using rig = await setUp();
  await using first = await rig.connectRaw();
  const before = descriptorsOf(rig.daemon.pid);
  const others = await connectMany(rig, 999);
  const [last] = others.slice(-1);
  expect(await last?.ask('repository.list')).toMatchObject({ result: { repositories: [] } });
  await using refused = await rig.connectRaw();
  expect(await refused.next()).toEqual(failure(null, 'LIMIT_REACHED'));
  await refused.untilClosed();
  expect(await first.ask('daemon.status')).toMatchObject({ result: { counts: { connections: 1000 } } });
  expect(await rig.wtd('daemon', 'status')).toMatchObject({ exitCode: 6 });

  await disposeAll(others);
  await until(() => descriptorsOf(rig.daemon.pid) < before + fewDescriptors, 'their descriptors are closed');
  expect(await first.ask('daemon.status')).toMatchObject({ result: { counts: { connections: 1 } } });
});

test('hundreds of connections that come and go at once leave nothing behind', async () => {
  await using rig = await setUp();
  const before = descriptorsOf(rig.daemon.pid);
  for (let round = 0; round < 5; round++) {
    const connections = await connectMany(rig, 300);
    for (const [at, connection] of connections.entries()) {
      if (at % 3 === 0) connection.send({ jsonrpc: '2.0', id: 1, method: 'event.watch', params: { after: 0 } });
      if (at % 3 === 1) connection.send('{"jsonrpc":"2.0","id":1,"method":"dae');
      if (at % 2 === 0) connection.end();
    }
    await disposeAll(connections);
  }
  await untilAlone(rig);
  await until(() => descriptorsOf(rig.daemon.pid) < before + fewDescriptors, 'their descriptors are closed');
});

describe('a stream whose reader fell 8 MiB behind', () => {
  const isEnd = (message: Item, stream: unknown) => message.method === 'stream.end' && message.params.stream === stream;

  test('of events ends with TIMEOUT, and goes on after the last number without a gap', async () => {
    await using rig = await setUp();
    await using reader = await rig.connectRaw();
    const streams: unknown[] = [];
    // So many of one connection that few events are much.
    for (let count = 0; count < 64; count++) {
      const answer = await reader.ask('event.watch', { after: 0 }, `stream-${count}`);
      streams.push((answer['result'] as { stream: unknown }).stream);
    }
    reader.pause();
    await using writer = await rig.connectRaw();
    for (let id = 1; id <= 700; id++) writer.send({ jsonrpc: '2.0', id, method: 'daemon.reload' });
    for (let id = 1; id <= 700; id++) await writer.next();
    const { events } = await rig.call('event.list', { after: 0, limit: 1000 });
    reader.resume();

    const [stream] = streams;
    const seen: number[] = [1]; // it may have come before the last answer
    let end: Item | undefined;
    while (!end) {
      const message = (await reader.next()) as Item;
      if (message.params.stream !== stream) continue;
      if (isEnd(message, stream)) end = message;
      else if (message.params.item.seq > 1) seen.push(message.params.item.seq);
    }
    expect(end.params.error).toMatchObject({ code: 1013, data: { code: 'TIMEOUT' } });
    const last = seen.at(-1) ?? 0;
    expect(last).toBeLessThan(events.at(-1)?.seq ?? 0);
    const answer = await writer.ask('event.watch', { after: last }, 'again');
    expect(answer).toHaveProperty('result');
    while (seen.length < events.length) seen.push(((await writer.next()) as Item).params.item.seq);
    expect(seen.slice(0, events.length)).toEqual(events.map(({ seq }) => seq));
  });

  test('of a log ends with TIMEOUT, and goes on from its last offset without a gap', async () => {
    await using rig = await setUp();
    const { child, run } = await rig.startSteered('login');
    await using reader = await rig.connectRaw();
    const params = { plan: 'login', repository: 'shop', follow: true };
    const stream = ((await reader.ask('plan.logs', params))['result'] as { stream: string }).stream;
    await child.print('begin');
    let message = (await reader.next()) as Item;
    reader.pause();
    await child.tell('i=0; while [ $i -lt 160 ]; do i=$((i+1)); printf "%s %0100000d\\n" $i $i; done');
    await child.ask(':');
    await until(
      async () => (await rig.wtd('logs', 'login', '--tail', '1')).stdout.startsWith('160 '),
      'all is written',
    );
    const log = run.logPath ?? '';
    await until(() => !filesOf(rig.daemon.pid).includes(log), 'the daemon gave the stream up');
    reader.resume();

    let next = 0;
    const numbers: string[] = [];
    while (!isEnd(message, stream)) {
      const { offset, line } = message.params.item;
      expect(offset).toBe(next);
      next = offset + Buffer.byteLength(line) + 1;
      numbers.push(line.slice(0, 6).split(' ')[0] ?? '');
      message = (await reader.next()) as Item;
    }
    expect(message.params.error).toMatchObject({ code: 1013, data: { code: 'TIMEOUT' } });
    expect(numbers.length).toBeLessThan(161);
    await child.exit(0);
    await rig.wait('login');
    await using again = await rig.connectRaw();
    await again.ask('plan.logs', { ...params, from: next });
    for (message = (await again.next()) as Item; message.method !== 'stream.end';) {
      expect(message.params.item.offset).toBe(next);
      next += Buffer.byteLength(message.params.item.line) + 1;
      numbers.push(message.params.item.line.slice(0, 6).split(' ')[0] ?? '');
      message = (await again.next()) as Item;
    }
    expect(numbers).toEqual(['begin', ...Array.from({ length: 160 }, (_, at) => String(at + 1))]);
  });
});
