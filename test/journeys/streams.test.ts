import { describe, expect, test } from 'vitest';
import type { RawConnection } from '../rig/raw-connection.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { expectSilence, failure } from '../rig/wire.ts';

describe('a stream', () => {
  const item = (stream: unknown, content: unknown) => ({
    jsonrpc: '2.0',
    method: 'stream.item',
    params: { stream, item: content },
  });
  const end = (stream: unknown) => ({ jsonrpc: '2.0', method: 'stream.end', params: { stream } });
  async function open(connection: RawConnection, method: string, params: unknown): Promise<unknown> {
    connection.send({ jsonrpc: '2.0', id: 's', method, params });
    const answer = (await connection.next()) as { result: { stream: unknown } };
    expect(answer).toEqual({ jsonrpc: '2.0', id: 's', result: { stream: expect.any(String) as unknown } });
    return answer.result.stream;
  }

  test('plan.logs gives each line with its offset, follows until the run ends, and then ends', async () => {
    await using rig = await Rig.setUp();
    const { child } = await rig.startSteered('login');
    await child.print('one', 'two');
    await using connection = await rig.connectRaw();
    const stream = await open(connection, 'plan.logs', { plan: 'login', repository: 'shop', follow: true });
    expect(await connection.next()).toEqual(item(stream, { offset: 0, line: 'one' }));
    expect(await connection.next()).toEqual(item(stream, { offset: 4, line: 'two' }));
    await child.print('three');
    expect(await connection.next()).toEqual(item(stream, { offset: 8, line: 'three' }));
    await child.tell('printf four; exit 0');
    expect(await connection.next()).toEqual(item(stream, { offset: 14, line: 'four' }));
    expect(await connection.next()).toEqual(end(stream));

    const tail = await open(connection, 'plan.logs', { plan: 'login', repository: 'shop', tail: 2 });
    expect(await connection.next()).toEqual(item(tail, { offset: 8, line: 'three' }));
    expect(await connection.next()).toEqual(item(tail, { offset: 14, line: 'four' }));
    expect(await connection.next()).toEqual(end(tail));
    const from = await open(connection, 'plan.logs', { plan: 'login', repository: 'shop', from: 4, tail: 1 });
    expect(await connection.next()).toEqual(item(from, { offset: 4, line: 'two' }));
  });

  test('event.watch gives what happens until it is cancelled, and then nothing but its end', async () => {
    await using rig = await Rig.setUp();
    await using connection = await rig.connectRaw();
    const stream = await open(connection, 'event.watch', { types: ['repository.added'] });
    await rig.call('repository.add', { path: rig.repository.path });
    const added = expect.objectContaining({ type: 'repository.added', repository: 'shop' }) as unknown;
    expect(await connection.next()).toEqual(item(stream, added));
    connection.send({ jsonrpc: '2.0', method: 'stream.cancel', params: { stream } });
    expect(await connection.next()).toEqual(end(stream));
    await rig.call('repository.add', { path: makeRepository(rig.place, 'blog').path });
    for (const unknown of [stream, 'no such', 1, null]) {
      connection.send({ jsonrpc: '2.0', method: 'stream.cancel', params: { stream: unknown } });
    }
    await expectSilence(connection);
  });

  test('status.watch gives the whole picture at first and again on change', async () => {
    await using rig = await Rig.setUp();
    await using connection = await rig.connectRaw();
    const stream = await open(connection, 'status.watch', {});
    const picture = (await connection.next()) as { params: { item: { plans: unknown[]; daemon: object } } };
    expect(picture.params.item).toMatchObject({ plans: [], daemon: { pid: rig.daemon.pid } });
    await rig.call('plan.create', { name: 'login', repository: rig.repository.path });
    expect(await connection.next()).toMatchObject({
      method: 'stream.item',
      params: { stream, item: { plans: [{ name: 'login', state: 'idle' }] } },
    });
    connection.send({ jsonrpc: '2.0', method: 'stream.cancel', params: { stream } });
    expect(await connection.next()).toEqual(end(stream));
  });

  test('is refused before it begins, like a call, and several of one connection do not mix', async () => {
    await using rig = await Rig.setUp();
    await using connection = await rig.connectRaw();
    expect(await connection.ask('plan.logs', { plan: 'login', cwd: rig.repository.path })).toEqual(
      failure(1, 'NOT_FOUND'),
    );
    const streams = [
      await open(connection, 'event.watch', { types: ['repository.added'] }),
      await open(connection, 'event.watch', { types: ['plan.created'] }),
    ];
    expect(new Set(streams).size).toBe(2);
    await rig.call('plan.create', { name: 'login', repository: rig.repository.path });
    const items = [await connection.next(), await connection.next()];
    expect(items).toEqual(
      expect.arrayContaining([
        item(streams[0], expect.objectContaining({ type: 'repository.added' })),
        item(streams[1], expect.objectContaining({ type: 'plan.created' })),
      ]),
    );
  });
});
