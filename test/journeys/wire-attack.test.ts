import { statSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Hostility } from '../rig/hostile.ts';
import { descriptorsOf, memoryOf } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const megabyte = 1_000_000;
/** What the daemon itself opens late; a leak would be thousands. */
const fewDescriptors = 10;

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

const untilClosed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve();
    else
      socket.once('close', () => {
        resolve();
      });
  });

/** Sends messages over one connection until the daemon took them all; answers what must never be answered. */
async function attack(path: string, hostility: Hostility, messages: number): Promise<string[]> {
  const socket = await open(path);
  const defects: string[] = [];
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    defects.push(...lines.filter((line) => line.includes('-32603')));
    if (lines.some((line) => line.includes('"id":"over"'))) socket.destroy();
  });
  socket.on('end', () => socket.destroy());
  const bytes = Buffer.concat([...Array.from({ length: messages }, () => hostility.next()), hostility.last()]);
  const cut = hostility.below(bytes.length);
  socket.write(bytes.subarray(0, cut));
  socket.write(bytes.subarray(cut));
  socket.write('\n{"jsonrpc":"2.0","id":"over","method":"daemon.status"}\n');
  await untilClosed(socket);
  return defects;
}

/** Many attackers at once, each over one connection after the other. */
async function attackWith(path: string, load: { seed: number; messages: number }): Promise<string[]> {
  const [attackers, each] = [20, 250];
  const rounds = load.messages / attackers / each;
  const busy = Array.from({ length: attackers }, async (_, at) => {
    const hostility = new Hostility(load.seed * 1000 + at);
    const defects: string[] = [];
    for (let round = 0; round < rounds; round++) defects.push(...(await attack(path, hostility, each)));
    return defects;
  });
  return (await Promise.all(busy)).flat();
}

/** Asks as a good client does until it is told to stop; answers how often, and fails at the first wrong answer. */
async function behaveWell(rig: Rig, signal: AbortSignal): Promise<{ answers: number; slowestMs: number }> {
  await using client = await rig.connect();
  let answers = 0;
  let slowestMs = 0;
  while (!signal.aborted) {
    const asked = performance.now();
    const [status, { repositories }, { events }] = await Promise.all([
      client.call('daemon.status', {}),
      client.call('repository.list', {}),
      client.call('event.list', { after: 0, limit: 1 }),
    ]);
    expect(status.pid).toBe(rig.daemon.pid);
    expect(repositories.map(({ name }) => name)).toEqual(['shop']);
    expect(events.map(({ seq }) => seq)).toEqual([1]);
    answers += 3;
    slowestMs = Math.max(slowestMs, performance.now() - asked);
  }
  return { answers, slowestMs };
}

test('100,000 hostile messages: nobody else is hurt, nothing grows, nothing leaks', { timeout: 240_000 }, async () => {
  const seed = Number(process.env['WTD_SEED'] ?? 20_261);
  await using rig = await Rig.setUp();
  await rig.call('repository.add', { path: rig.repository.path });
  const { pid } = rig.daemon;
  const { socket } = rig.place;
  const log = join(rig.place.home, 'logs', 'daemon.log');
  const rest = async () => {
    await until(async () => (await rig.call('daemon.status', {})).counts.connections === 1, 'all others are gone');
    return { descriptors: descriptorsOf(pid), memory: memoryOf(pid), logged: statSync(log).size };
  };
  await attackWith(socket, { seed: seed + 1, messages: 10_000 }); // so that all code is warm and memory where it stays
  const before = await rest();

  const stop = new AbortController();
  const client = behaveWell(rig, stop.signal);
  const begun = performance.now();
  const defects = await attackWith(socket, { seed, messages: 100_000 });
  const tookMs = performance.now() - begun;
  stop.abort();
  const { answers, slowestMs } = await client;

  const after = await rest();
  console.log(
    `100,000 messages of seed ${seed} in ${Math.round(tookMs)} ms, beside ${answers} good answers, the slowest three in ${Math.round(slowestMs)} ms`,
  );
  expect(defects).toEqual([]);
  expect(answers).toBeGreaterThan(100);
  expect(after.memory - before.memory, 'bytes of memory').toBeLessThan(100 * megabyte); // not one kilobyte a message;
  await until(() => descriptorsOf(pid) < before.descriptors + fewDescriptors, 'no descriptor is left open');
  expect(after.logged - before.logged, 'bytes of log').toBeLessThan(100_000);
});
