import { describe, expect, test } from 'vitest';
import { RpcError } from '../../src/rpc/errors.ts';
import { failure, Gate, serve } from './rig.ts';

const connectToEcho = async () => (await serve({ echo: (params) => params })).connect();

describe('ids', () => {
  test.for(['text', '', 0, -7, 1.5, null])('the id %j comes back as it was', async (id) => {
    const peer = await connectToEcho();
    expect(await peer.ask({ jsonrpc: '2.0', id, method: 'echo' })).toEqual({ jsonrpc: '2.0', id, result: {} });
  });

  test.for(['{}', '[1]', 'true', '1e999'])('the id %s is an Invalid Request without id', async (id) => {
    const peer = await connectToEcho();
    const answer = await peer.ask(`{"jsonrpc":"2.0","id":${id},"method":"echo"}\n`);
    expect(answer).toEqual(failure(null, -32600, 'INVALID_REQUEST'));
  });

  test.for(['{"jsonrpc":"1.0","id":5,"method":"echo"}', '{"id":5,"method":"echo"}', '{"jsonrpc":"2.0","id":5}'])(
    'an invalid request with a valid id keeps it: %s',
    async (line) => {
      const peer = await connectToEcho();
      expect(await peer.ask(`${line}\n`)).toEqual(failure(5, -32600, 'INVALID_REQUEST'));
    },
  );
});

describe('messages', () => {
  test.for(['"bar"', '1', 'true', 'null'])('params %s is an Invalid Request', async (params) => {
    const peer = await connectToEcho();
    const answer = await peer.ask(`{"jsonrpc":"2.0","id":1,"method":"echo","params":${params}}\n`);
    expect(answer).toEqual(failure(1, -32600, 'INVALID_REQUEST'));
  });

  test.for(['1', '"text"', 'null', 'true'])('the message %s is an Invalid Request', async (message) => {
    const peer = await connectToEcho();
    expect(await peer.ask(`${message}\n`)).toEqual(failure(null, -32600, 'INVALID_REQUEST'));
  });

  test('a batch of one is answered with an array, and null in a batch with an Invalid Request', async () => {
    const peer = await connectToEcho();
    expect(await peer.ask([{ jsonrpc: '2.0', id: 1, method: 'echo' }])).toEqual([
      { jsonrpc: '2.0', id: 1, result: {} },
    ]);
    expect(await peer.ask([null])).toEqual([failure(null, -32600, 'INVALID_REQUEST')]);
    expect(await peer.ask([[]])).toEqual([failure(null, -32600, 'INVALID_REQUEST')]);
  });

  test('members that the specification does not know are tolerated', async () => {
    const peer = await connectToEcho();
    const answer = await peer.ask({
      jsonrpc: '2.0',
      id: 1,
      method: 'echo',
      params: { a: 1 },
      result: 2,
      error: 3,
      x: 4,
    });
    expect(answer).toEqual({ jsonrpc: '2.0', id: 1, result: { a: 1 } });
  });

  test('blank lines are ignored and lines may end in \\r\\n', async () => {
    const peer = await connectToEcho();
    peer.send('\n\r\n \t \n');
    expect(await peer.ask('{"jsonrpc":"2.0","id":1,"method":"echo"}\r\n')).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {},
    });
  });

  test('one message may come in many pieces and many messages in one', async () => {
    const peer = await connectToEcho();
    const line = '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"Ä€𝄞"}}\n';
    for (const byte of Buffer.from(line)) {
      peer.send(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    expect(await peer.next()).toEqual({ jsonrpc: '2.0', id: 1, result: { text: 'Ä€𝄞' } });
    peer.send(line.repeat(500));
    for (let count = 0; count < 500; count++) expect(await peer.next()).toHaveProperty('result.text', 'Ä€𝄞');
  });

  test('broken UTF-8 is a Parse error and the connection goes on', async () => {
    const peer = await connectToEcho();
    peer.send(Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]));
    expect(await peer.next()).toEqual(failure(null, -32700, 'PARSE_ERROR'));
    expect(await peer.ask({ jsonrpc: '2.0', id: 1, method: 'echo' })).toHaveProperty('id', 1);
  });

  test.for(['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])(
    'the method %j does not exist',
    async (method) => {
      const peer = await connectToEcho();
      expect(await peer.ask({ jsonrpc: '2.0', id: 1, method })).toEqual(failure(1, -32601, 'METHOD_NOT_FOUND'));
    },
  );

  test.for(['[', '{"a":'])('nesting of %s a hundred thousand deep is refused, and does not hurt', async (open) => {
    const peer = await connectToEcho();
    expect(await peer.ask(`${open.repeat(100_000)}\n`)).toEqual(failure(null, -32600, 'INVALID_REQUEST'));
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const answer = await peer.ask(`{"jsonrpc":"2.0","id":1,"method":"echo","params":{"deep":${deep}}}\n`);
    expect(answer).toEqual(failure(null, -32600, 'INVALID_REQUEST'));
    expect(await peer.ask({ jsonrpc: '2.0', id: 2, method: 'echo', params: { deep: [[]] } })).toHaveProperty('result');
  });
});

describe('answers', () => {
  test('a method without a result answers null', async () => {
    const peer = await (await serve({ nothing: () => undefined })).connect();
    expect(await peer.ask({ jsonrpc: '2.0', id: 1, method: 'nothing' })).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: null,
    });
  });

  test('requests run side by side and are answered as they are ready', async () => {
    const gate = new Gate();
    const peer = await (
      await serve({
        slow: () => gate.pass(),
        quick: () => {
          gate.open();
        },
      })
    ).connect();
    peer.request(1, 'slow');
    peer.request(2, 'quick');
    expect([await peer.next(), await peer.next()].map((answer) => (answer as { id: number }).id)).toEqual([2, 1]);
  });

  test('an error on purpose keeps its code, message and data', async () => {
    const data = { code: 'NOT_FOUND', hint: 'look elsewhere', kind: 'plan' };
    const peer = await (
      await serve({
        refuse: () => {
          throw new RpcError(1001, 'There is no such plan.', data);
        },
      })
    ).connect();
    expect(await peer.ask({ jsonrpc: '2.0', id: 1, method: 'refuse' })).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: 1001, message: 'There is no such plan.', data },
    });
  });

  test('a defect is reported, and answered without any details', async () => {
    const defect = new Error('secret');
    const server = await serve({
      crash: () => {
        throw defect;
      },
    });
    const peer = await server.connect();
    const answer = await peer.ask({ jsonrpc: '2.0', id: 1, method: 'crash' });
    expect(answer).toEqual(failure(1, -32603, 'INTERNAL'));
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(server.reports).toEqual([defect]);
  });

  test('a result that is not JSON is a defect', async () => {
    const server = await serve({ big: () => 1n });
    const peer = await server.connect();
    expect(await peer.ask([{ jsonrpc: '2.0', id: 1, method: 'big' }])).toEqual([failure(1, -32603, 'INTERNAL')]);
    expect(server.reports).toHaveLength(1);
  });
});
