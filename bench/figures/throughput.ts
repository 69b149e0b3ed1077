import { Connection } from '../connection.ts';
import { Daemon } from '../daemon.ts';
import { EchoProcess } from '../echo-process.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs, timed } from '../pairs.ts';
import { median } from '../statistics.ts';

const connectionCount = 8;
const requestsEach = 1500;
/** Requests of one connection that wait for their answers at a time. */
const depth = 32;

export async function measureThroughput(): Promise<Figure[]> {
  using home = new Home();
  await using _daemon = await Daemon.start(home);
  await using echo = await EchoProcess.start(home);
  const pairs = await measurePairs(
    { count: 9, warmUp: 2 },
    { ours: () => requestsPerSecond(home.socket), reference: () => requestsPerSecond(echo.socket) },
  );
  return [
    {
      name: `daemon.status over ${connectionCount} pipelined connections`,
      against: 'ndjson echo',
      unit: 'requests/s',
      ours: median(pairs.ours),
      reference: median(pairs.reference),
      judgedBy: 'ratio',
      target: { atLeast: 0.5 },
    },
  ];
}

async function requestsPerSecond(socket: string): Promise<number> {
  const connections = await Promise.all(Array.from({ length: connectionCount }, () => Connection.open(socket)));
  try {
    const ms = await timed(() => Promise.all(connections.map((one) => one.request(requestsEach, depth))));
    return (connectionCount * requestsEach * 1000) / ms;
  } finally {
    for (const connection of connections) connection[Symbol.dispose]();
  }
}
