import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StreamSource } from '../../src/rpc/stream-source.ts';
import { serve, type Server } from './rig.ts';

const methods = {
  echo: (params: Record<string, unknown>) => params,
  stream: () =>
    // eslint-disable-next-line @typescript-eslint/require-await
    new StreamSource(async function* () {
      yield 1;
      yield 2;
    }),
  crash: () => {
    throw new Error('broken');
  },
};

/** Almost a request: each member may be right, wrong or missing. */
const nearRequest = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 5, arbitrary: fc.constant('2.0') }, fc.jsonValue()),
    id: fc.oneof(fc.integer(), fc.string(), fc.jsonValue()),
    method: fc.oneof(fc.constantFrom('echo', 'stream', 'crash', 'stream.cancel', '__proto__'), fc.jsonValue()),
    params: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
const line = fc.oneof(
  nearRequest.map((message) => Buffer.from(`${JSON.stringify(message)}\n`)),
  fc.array(nearRequest, { maxLength: 5 }).map((messages) => Buffer.from(`${JSON.stringify(messages)}\n`)),
  fc.json().map((text) => Buffer.from(`${text}\n`)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('\n', '\r\n', '{', '[[', '\0\n', '"', '\uFEFF{}\n').map((text) => Buffer.from(text)),
);

async function expectAlive(server: Server): Promise<void> {
  const peer = await server.connect();
  const answer = await peer.ask({ jsonrpc: '2.0', id: 1, method: 'echo', params: { alive: true } });
  expect(answer).toEqual({ jsonrpc: '2.0', id: 1, result: { alive: true } });
  peer.socket.destroy();
}

test('whatever bytes come, the server lives and answers the next client', { timeout: 60_000 }, async () => {
  const server = await serve(methods);
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 30 }), fc.boolean(), async (lines, leaves) => {
      const peer = await server.connect();
      for (const bytes of lines) peer.send(bytes);
      if (leaves) peer.socket.destroy();
      else peer.socket.end();
      await peer.closed;
      await expectAlive(server);
    }),
    { numRuns: 300 },
  );
});

test('every line that is a request with an id gets exactly one answer, whatever surrounds it', async () => {
  const server = await serve(methods);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(nearRequest, fc.jsonValue()), { maxLength: 50 }), async (messages) => {
      const peer = await server.connect();
      for (const message of messages) peer.send(`${JSON.stringify(message)}\n`);
      for (let id = 0; id < 10; id++) peer.request(`mine-${id}`, 'echo');
      const seen: unknown[] = [];
      while (seen.length < 10) {
        const { id } = (await peer.next()) as { id?: unknown };
        if (typeof id === 'string' && id.startsWith('mine-')) seen.push(id);
      }
      expect(new Set(seen).size).toBe(10);
      peer.socket.destroy();
    }),
    { numRuns: 50 },
  );
});
