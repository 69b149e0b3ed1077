import { describe, expect, test } from 'vitest';
import { failure, serve, type Peer } from './rig.ts';

const invalidRequest = failure(null, -32600, 'INVALID_REQUEST');

async function connectToExamples(): Promise<{ peer: Peer; notified: unknown[] }> {
  const notified: unknown[] = [];
  const server = await serve({
    subtract: (params) => Number(params['minuend']) - Number(params['subtrahend']),
    sum: ({ terms }) => (terms as number[]).reduce((sum, term) => sum + term, 0),
    get_data: () => ['hello', 5],
    update: (params) => notified.push(params),
    ping: () => 'pong',
  });
  return { peer: await server.connect(), notified };
}

/** Nothing came back for what was sent before. */
async function expectSilence(peer: Peer): Promise<void> {
  expect(await peer.ask({ jsonrpc: '2.0', id: 'after', method: 'ping' })).toEqual({
    jsonrpc: '2.0',
    id: 'after',
    result: 'pong',
  });
}

describe('the examples of section 7 of the specification', () => {
  test('positional parameters are refused as Invalid params, because every method takes named ones', async () => {
    const { peer } = await connectToExamples();
    const answer = await peer.ask('{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}\n');
    expect(answer).toEqual(failure(1, -32602, 'INVALID_PARAMS'));
    expect(answer).toHaveProperty('error.message', 'Invalid params');
  });

  test('named parameters are taken in any order', async () => {
    const { peer } = await connectToExamples();
    expect(
      await peer.ask(
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}\n',
      ),
    ).toEqual({ jsonrpc: '2.0', result: 19, id: 3 });
    expect(
      await peer.ask(
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}\n',
      ),
    ).toEqual({ jsonrpc: '2.0', result: 19, id: 4 });
  });

  test('a notification is carried out and not answered, whether or not the method exists', async () => {
    const { peer, notified } = await connectToExamples();
    peer.send('{"jsonrpc": "2.0", "method": "update", "params": {"values": [1,2,3,4,5]}}\n');
    peer.send('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}\n');
    peer.send('{"jsonrpc": "2.0", "method": "foobar"}\n');
    await expectSilence(peer);
    expect(notified).toEqual([{ values: [1, 2, 3, 4, 5] }]);
  });

  test('a call of a method that does not exist is answered with Method not found', async () => {
    const { peer } = await connectToExamples();
    const answer = await peer.ask('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}\n');
    expect(answer).toEqual(failure('1', -32601, 'METHOD_NOT_FOUND'));
    expect(answer).toHaveProperty('error.message', 'Method not found');
  });

  test('invalid JSON is answered with Parse error', async () => {
    const { peer } = await connectToExamples();
    const answer = await peer.ask('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]\n');
    expect(answer).toEqual(failure(null, -32700, 'PARSE_ERROR'));
    expect(answer).toHaveProperty('error.message', 'Parse error');
  });

  test('an invalid request object is answered with Invalid Request', async () => {
    const { peer } = await connectToExamples();
    const answer = await peer.ask('{"jsonrpc": "2.0", "method": 1, "params": "bar"}\n');
    expect(answer).toEqual(invalidRequest);
    expect(answer).toHaveProperty('error.message', 'Invalid Request');
  });

  test('a batch of invalid JSON is answered with one Parse error', async () => {
    const { peer } = await connectToExamples();
    const batch =
      '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]\n';
    expect(await peer.ask(batch)).toEqual(failure(null, -32700, 'PARSE_ERROR'));
    await expectSilence(peer);
  });

  test('an empty array is answered with one Invalid Request', async () => {
    const { peer } = await connectToExamples();
    expect(await peer.ask('[]\n')).toEqual(invalidRequest);
    await expectSilence(peer);
  });

  test('an invalid batch of one is answered with an array of one', async () => {
    const { peer } = await connectToExamples();
    expect(await peer.ask('[1]\n')).toEqual([invalidRequest]);
  });

  test('each element of an invalid batch is answered on its own', async () => {
    const { peer } = await connectToExamples();
    expect(await peer.ask('[1,2,3]\n')).toEqual([invalidRequest, invalidRequest, invalidRequest]);
  });

  test('a mixed batch is answered with an array without its notifications', async () => {
    const { peer, notified } = await connectToExamples();
    const answer = await peer.ask([
      { jsonrpc: '2.0', method: 'sum', params: { terms: [1, 2, 4] }, id: '1' },
      { jsonrpc: '2.0', method: 'update', params: { values: [7] } },
      { jsonrpc: '2.0', method: 'subtract', params: { minuend: 42, subtrahend: 23 }, id: '2' },
      { foo: 'boo' },
      { jsonrpc: '2.0', method: 'foo.get', params: { name: 'myself' }, id: '5' },
      { jsonrpc: '2.0', method: 'get_data', id: '9' },
    ]);
    expect(answer).toEqual([
      { jsonrpc: '2.0', result: 7, id: '1' },
      { jsonrpc: '2.0', result: 19, id: '2' },
      invalidRequest,
      failure('5', -32601, 'METHOD_NOT_FOUND'),
      { jsonrpc: '2.0', result: ['hello', 5], id: '9' },
    ]);
    expect(notified).toEqual([{ values: [7] }]);
  });

  test('a batch of notifications is not answered at all', async () => {
    const { peer, notified } = await connectToExamples();
    peer.send([
      { jsonrpc: '2.0', method: 'update', params: { values: [1] } },
      { jsonrpc: '2.0', method: 'update', params: { values: [2] } },
    ]);
    await expectSilence(peer);
    expect(notified).toEqual([{ values: [1] }, { values: [2] }]);
  });
});
