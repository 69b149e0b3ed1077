import { describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/connect.ts';
import { RpcError } from '../../src/rpc/errors.ts';
import { StreamSource } from '../../src/rpc/stream-source.ts';
import { serve, type Methods } from '../rpc/rig.ts';

async function connectTo(methods: Methods): Promise<Client> {
  const server = await serve(methods);
  return await connect({ socketPath: server.path, start: null });
}

test('a refusal of the daemon keeps its code, sentence and data', async () => {
  const data = { code: 'DUPLICATE_RUN', hint: 'wtd stop demo', run: 'r1', pid: 42 };
  await using client = await connectTo({
    'plan.start': () => {
      throw new RpcError(1003, 'The plan demo runs already.', data);
    },
  });
  await expect(client.call('plan.start', { plan: 'demo' })).rejects.toMatchObject({
    name: 'RemoteError',
    code: 1003,
    message: 'The plan demo runs already.',
    data,
  });
});

test('a refusal without data of ours is told as the answer of a stranger', async () => {
  await using client = await connectTo({
    'plan.start': () => {
      throw new RpcError(-1, 'no', 'strange');
    },
  });
  await expect(client.call('plan.start', { plan: 'demo' })).rejects.toMatchObject({
    code: -1,
    data: { code: 'INTERNAL', data: 'strange' },
  });
});

describe('a daemon that does not know a method', () => {
  const version = { data: { code: 'METHOD_NOT_FOUND', hint: expect.stringContaining('version') as string } };

  test('is of another version when the method is one of ours', async () => {
    await using client = await connectTo({});
    await expect(client.call('daemon.status', {})).rejects.toMatchObject(version);
    const items = client.stream('event.watch', {})[Symbol.asyncIterator]();
    await expect(items.next()).rejects.toMatchObject(version);
  });

  test('has the word itself when the method was typed by hand', async () => {
    await using client = await connectTo({});
    await expect(client.raw('daemon.statsu', {})).rejects.toMatchObject({
      data: { hint: expect.not.stringContaining('version') as string },
    });
  });
});

test('streams give their items, typed and raw', async () => {
  await using client = await connectTo({
    'plan.logs': () =>
      // eslint-disable-next-line @typescript-eslint/require-await
      new StreamSource(async function* () {
        yield { offset: 0, line: 'first' };
        yield { offset: 6, line: 'second' };
      }),
  });
  const lines: string[] = [];
  for await (const { line } of client.stream('plan.logs', { plan: 'demo' })) lines.push(line);
  for await (const item of client.rawStream('plan.logs', {})) lines.push((item as { line: string }).line);
  expect(lines).toEqual(['first', 'second', 'first', 'second']);
});
