import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errors } from '../../src/contract/errors.ts';
import { methods } from '../../src/contract/index.ts';
import { isInstalled } from '../rig/installed.ts';
import { Rig } from '../rig/rig.ts';
import { expectSilence, failure } from '../rig/wire.ts';

describe('section 7 of the specification, over the socket', () => {
  test('positional parameters are refused, named ones are taken in any order', async () => {
    await using rig = await Rig.setUp();
    await using connection = await rig.connectRaw();
    const { path } = rig.repository;
    connection.send(`{"jsonrpc": "2.0", "method": "repository.add", "params": ["${path}"], "id": 1}\n`);
    expect(await connection.next()).toEqual(failure(1, 'INVALID_PARAMS'));
    connection.send(
      `{"jsonrpc": "2.0", "method": "repository.add", "params": {"path": "${path}", "name": "a"}, "id": 3}\n`,
    );
    expect(await connection.next()).toMatchObject({ jsonrpc: '2.0', id: 3, result: { name: 'a', path } });
    connection.send(`{"id": 4, "params": {"repository": "a"}, "method": "repository.remove", "jsonrpc": "2.0"}\n`);
    expect(await connection.next()).toEqual({ jsonrpc: '2.0', id: 4, result: { removed: true } });
  });

  test('a notification is carried out and not answered, whether or not the method exists', async () => {
    await using rig = await Rig.setUp();
    await using connection = await rig.connectRaw();
    connection.send('{"jsonrpc": "2.0", "method": "daemon.reload"}\n');
    connection.send('{"jsonrpc": "2.0", "method": "daemon.reload", "params": [1,2,3,4,5]}\n');
    connection.send('{"jsonrpc": "2.0", "method": "repository.show", "params": {"repository": "nowhere"}}\n');
    connection.send('{"jsonrpc": "2.0", "method": "foobar"}\n');
    await expectSilence(connection);
    const { events } = await rig.call('event.list', { types: ['daemon.reloaded'] });
    expect(events).toHaveLength(1);
  });

  test('what is no method, no JSON or no request is answered as the specification says', async () => {
    await using rig = await Rig.setUp();
    await using connection = await rig.connectRaw();
    const say = async (text: string) => {
      connection.send(`${text}\n`);
      return connection.next();
    };
    expect(await say('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}')).toEqual(failure('1', 'METHOD_NOT_FOUND'));
    expect(await say('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]')).toEqual(
      failure(null, 'PARSE_ERROR'),
    );
    expect(await say('{"jsonrpc": "2.0", "method": 1, "params": "bar"}')).toEqual(failure(null, 'INVALID_REQUEST'));
    expect(
      await say('[ {"jsonrpc": "2.0", "method": "daemon.status", "id": "1"}, {"jsonrpc": "2.0", "method" ]'),
    ).toEqual(failure(null, 'PARSE_ERROR'));
    expect(await say('[]')).toEqual(failure(null, 'INVALID_REQUEST'));
    expect(await say('[1]')).toEqual([failure(null, 'INVALID_REQUEST')]);
    expect(await say('[1,2,3]')).toEqual([1, 2, 3].map(() => failure(null, 'INVALID_REQUEST')));
    for (const text of [
      'null',
      '1',
      '"daemon.status"',
      'true',
      '{}',
      '{"jsonrpc":"1.0","method":"daemon.status","id":1}',
    ]) {
      const id = text.includes('"id":1') ? 1 : null;
      expect(await say(text), text).toEqual(failure(id, 'INVALID_REQUEST'));
    }
    await expectSilence(connection);
  });

  test('a mixed batch is answered with one array, without its notifications', async () => {
    await using rig = await Rig.setUp();
    await using connection = await rig.connectRaw();
    connection.send([
      { jsonrpc: '2.0', method: 'repository.list', id: '1' },
      { jsonrpc: '2.0', method: 'daemon.reload' },
      { jsonrpc: '2.0', method: 'event.list', params: { limit: 1 }, id: '2' },
      { foo: 'boo' },
      { jsonrpc: '2.0', method: 'foo.get', params: { name: 'myself' }, id: '5' },
      { jsonrpc: '2.0', method: 'config.show', id: '9' },
    ]);
    expect(await connection.next()).toEqual([
      { jsonrpc: '2.0', id: '1', result: { repositories: [] } },
      { jsonrpc: '2.0', id: '2', result: { events: [expect.any(Object)] } },
      failure(null, 'INVALID_REQUEST'),
      failure('5', 'METHOD_NOT_FOUND'),
      { jsonrpc: '2.0', id: '9', result: { effective: expect.any(Object) as unknown, sources: ['defaults'] } },
    ]);
    connection.send([
      { jsonrpc: '2.0', method: 'daemon.reload' },
      { jsonrpc: '2.0', method: 'foobar', params: { a: 1 } },
    ]);
    await expectSilence(connection);
    const { events } = await rig.call('event.list', { types: ['daemon.reloaded'] });
    expect(events).toHaveLength(2);
  });
});

test('an answer carries the very id that was sent, whatever its type', async () => {
  await using rig = await Rig.setUp();
  await using connection = await rig.connectRaw();
  for (const id of ['a', '', '1', 'ünï', '__proto__', 0, -1, 1.5, 1e21, 9_007_199_254_740_991, null]) {
    connection.send({ jsonrpc: '2.0', id, method: 'repository.list' });
    expect(await connection.next()).toEqual({ jsonrpc: '2.0', id, result: { repositories: [] } });
  }
  for (const id of [true, [], {}, [1]]) {
    connection.send({ jsonrpc: '2.0', id, method: 'repository.list' });
    expect(await connection.next(), JSON.stringify(id)).toEqual(failure(null, 'INVALID_REQUEST'));
  }
});

test('requests of one connection run side by side, and a slow one holds up no other', async () => {
  await using rig = await Rig.setUp();
  const { child } = await rig.startSteered('login');
  await using connection = await rig.connectRaw();
  const params = { plan: 'login', repository: 'shop' };
  connection.send({ jsonrpc: '2.0', id: 'wait', method: 'plan.wait', params });
  connection.send({ jsonrpc: '2.0', id: 'list', method: 'repository.list' });
  expect(await connection.next()).toMatchObject({ id: 'list' });
  await child.exit(4);
  expect(await connection.next()).toMatchObject({ id: 'wait', result: { state: 'failed', exitCode: 4 } });
});

test('bytes may come in any pieces, with CRLF, with blank lines, and broken UTF-8 is a parse error', async () => {
  await using rig = await Rig.setUp();
  await using connection = await rig.connectRaw();
  const request = Buffer.from('{"jsonrpc":"2.0","id":"ü","method":"repository.list"}\r\n\n  \r\n');
  for (const byte of request) connection.sendBytes(Uint8Array.of(byte));
  expect(await connection.next()).toEqual({ jsonrpc: '2.0', id: 'ü', result: { repositories: [] } });
  connection.sendBytes(Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":"'), Buffer.of(0xff), Buffer.from('"}\n')]));
  expect(await connection.next()).toEqual(failure(null, 'PARSE_ERROR'));
});

test.runIf(isInstalled('nc'))('nc is all that a script needs', async () => {
  await using rig = await Rig.setUp();
  const input = '{"jsonrpc":"2.0","id":1,"method":"daemon.status"}\n';
  const output = execFileSync('nc', ['-N', '-U', rig.place.socket], { input, encoding: 'utf8', timeout: 20_000 });
  expect(output.endsWith('\n')).toBe(true);
  expect(JSON.parse(output)).toMatchObject({
    id: 1,
    result: { protocol: 1, pid: rig.daemon.pid, home: rig.place.home },
  });
});

describe('rpc.discover', () => {
  interface Document {
    openrpc: string;
    info: { title: string; version: string };
    methods: {
      name: string;
      params: { name: string; required: boolean; schema: object }[];
      result: { schema: object };
    }[];
    components: { errors: Record<string, { code: number; message: string }> };
  }

  test('describes every method of the contract as OpenRPC', async () => {
    await using rig = await Rig.setUp();
    const document = (await rig.call('rpc.discover', {})) as unknown as Document;
    expect(document.openrpc).toMatch(/^1\.\d+\.\d+$/);
    const { version } = await rig.call('daemon.status', {});
    expect(document.info).toMatchObject({ title: 'wtd', version });
    expect(document.methods.map(({ name }) => name).sort()).toEqual([...methods.keys()].sort());
    for (const { name, params, result } of document.methods) {
      expect(
        params.every(({ schema }) => typeof schema === 'object'),
        name,
      ).toBe(true);
      expect(typeof result.schema, name).toBe('object');
      expect(new Set(params.map((parameter) => parameter.name)).size, name).toBe(params.length);
    }
    const published = Object.entries(errors).flatMap(([name, { rpc }]) => (rpc === null ? [] : [[name, rpc]]));
    const told = Object.entries(document.components.errors).map(([name, { code }]) => [name, code]);
    expect(told).toEqual(published);
    const printed = await rig.wtd('rpc', 'rpc.discover');
    expect(printed.json()).toEqual(document);
  });

  test('marks as required exactly what the daemon demands', async () => {
    await using rig = await Rig.setUp();
    await using connection = await rig.connectRaw();
    const document = (await rig.call('rpc.discover', {})) as unknown as Document;
    const demanding = document.methods.filter(({ params }) => params.some(({ required }) => required));
    expect(demanding.length).toBeGreaterThan(10);
    for (const { name, params } of demanding) {
      const answer = await connection.ask(name, {});
      const { data } = answer['error'] as { data: { code: string; issues: { path: string }[] } };
      expect(data.code).toBe('INVALID_PARAMS');
      const required = params.filter((parameter) => parameter.required).map((parameter) => parameter.name);
      expect([name, data.issues.map(({ path }) => path).sort()]).toEqual([name, required.sort()]);
    }
  });
});

describe('what is too much', () => {
  test('a line over 1 MiB is one error, and the end of the connection but not of the others', async () => {
    await using rig = await Rig.setUp();
    await using other = await rig.connectRaw();
    await using connection = await rig.connectRaw();
    connection.send(`{"jsonrpc":"2.0","id":1,"method":"${'x'.repeat(1024 * 1024)}`);
    expect(await connection.next()).toEqual(failure(null, 'INVALID_REQUEST'));
    await connection.untilClosed();
    expect(await other.ask('repository.list')).toMatchObject({ result: { repositories: [] } });
    const long = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'repository.show', params: { repository: '' } });
    const padded = long.replace('""', `"${'x'.repeat(1024 * 1024 - long.length)}"`);
    other.send(`${padded}\n`);
    expect(await other.next(), 'exactly 1 MiB is taken').toEqual(failure(1, 'INVALID_PARAMS'));
  });

  test('a batch over 100 messages is one error and the end of the connection', async () => {
    await using rig = await Rig.setUp();
    await using connection = await rig.connectRaw();
    const messages = (count: number) =>
      Array.from({ length: count }, (_, id) => ({ jsonrpc: '2.0', id, method: 'repository.list' }));
    connection.send(messages(100));
    const answers = (await connection.next()) as { id: number }[];
    expect(answers.map(({ id }) => id)).toEqual(messages(100).map(({ id }) => id));
    connection.send(messages(101));
    expect(await connection.next()).toEqual(failure(null, 'INVALID_REQUEST'));
    await connection.untilClosed();
    expect(await rig.call('repository.list', {})).toEqual({ repositories: [] });
  });
});

test('a client that goes away in the middle of everything harms nobody', async () => {
  await using rig = await Rig.setUp();
  const { child } = await rig.startSteered('login');
  {
    await using connection = await rig.connectRaw();
    connection.send({ jsonrpc: '2.0', id: 1, method: 'plan.wait', params: { plan: 'login', repository: 'shop' } });
    connection.send({ jsonrpc: '2.0', id: 2, method: 'event.watch', params: { after: 0 } });
    connection.send({
      jsonrpc: '2.0',
      id: 3,
      method: 'plan.logs',
      params: { plan: 'login', cwd: rig.repository.path, follow: true },
    });
    connection.send('{"jsonrpc":"2.0","id":4,"meth');
    expect(await connection.next()).toBeTruthy();
  }
  const file = join(rig.repository.path, 'worktrees', 'plan-login');
  expect((await rig.call('plan.show', { plan: 'login', repository: 'shop' })).worktree?.path).toBe(file);
  await child.exit(0);
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
});
