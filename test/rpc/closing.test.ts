import { expect, test } from 'vitest';
import { Gate, serve, until } from './rig.ts';

test('a client that only ended its sending still gets every answer, then the connection is closed', async () => {
  const gate = new Gate();
  const peer = await (await serve({ slow: () => gate.pass(), wait: () => gate.pass() })).connect();
  peer.request(1, 'slow');
  peer.request(2, 'wait');
  peer.socket.allowHalfOpen = true;
  peer.socket.end();
  await until(() => gate.arrived === 2);
  gate.open();
  expect([await peer.next(), await peer.next()]).toHaveLength(2);
  await expect(peer.next()).rejects.toThrow('closed');
});

test('a client that vanishes closes its connection at once, though a call is in flight', async () => {
  const gate = new Gate();
  const events: string[] = [];
  const server = await serve({
    wait: async (_params, connection) => {
      connection.onClose(() => events.push('listener'));
      connection.signal.addEventListener('abort', () => events.push('signal'));
      await gate.pass();
    },
  });
  const peer = await server.connect();
  peer.request(1, 'wait');
  await until(() => gate.arrived === 1);
  peer.socket.destroy();
  await until(() => events.length === 2);
  expect(events.sort()).toEqual(['listener', 'signal']);
});

test('a client that ended its sending and vanishes later is noticed as well', async () => {
  const gate = new Gate();
  const server = await serve({ wait: () => gate.pass() });
  const peer = await server.connect();
  peer.socket.allowHalfOpen = true;
  peer.request(1, 'wait');
  await until(() => gate.arrived === 1);
  await new Promise<void>((resolve) => peer.socket.end(resolve));
  peer.socket.destroy();
  await until(() => server.connections[0]?.signal.aborted === true);
});

test('half a line at the end of a connection is not carried out', async () => {
  let calls = 0;
  const server = await serve({ call: () => ++calls });
  const peer = await server.connect();
  peer.send('{"jsonrpc":"2.0","id":1,"method":"call"}');
  peer.socket.end();
  await peer.closed;
  expect(calls).toBe(0);
});

test('closing from this side delivers what was answered, and tells late listeners at once', async () => {
  const server = await serve({
    bye: (_params, connection) => {
      setImmediate(() => {
        connection.close();
      });
    },
  });
  const peer = await server.connect();
  expect(await peer.ask({ jsonrpc: '2.0', id: 1, method: 'bye' })).toEqual({ jsonrpc: '2.0', id: 1, result: null });
  await peer.closed;
  let told = 0;
  server.connections[0]?.onClose(() => told++);
  expect(told).toBe(1);
});

test('a listener that throws is reported and keeps no other from being told', async () => {
  let told = 0;
  const server = await serve({});
  const peer = await server.connect();
  await until(() => server.connections.length === 1);
  server.connections[0]?.onClose(() => {
    throw new Error('broken');
  });
  server.connections[0]?.onClose(() => told++);
  peer.socket.destroy();
  await until(() => told === 1);
  expect(server.reports).toHaveLength(1);
});
