import { Connection } from '../connection.ts';
import { Daemon } from '../daemon.ts';
import { EchoProcess } from '../echo-process.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs, timed } from '../pairs.ts';
import { quantile } from '../statistics.ts';

const quantiles = [
  { title: 'p50', part: 0.5, atMost: 2 },
  { title: 'p99', part: 0.99, atMost: 3 },
];

export async function measureRoundTrip(): Promise<Figure[]> {
  using home = new Home();
  await using _daemon = await Daemon.start(home);
  await using echo = await EchoProcess.start(home);
  using ours = await Connection.open(home.socket);
  using reference = await Connection.open(echo.socket);
  const pairs = await measurePairs(
    { count: 10_000, warmUp: 2000 },
    { ours: () => timed(() => ours.request(1)), reference: () => timed(() => reference.request(1)) },
  );
  return quantiles.map(({ title, part, atMost }) => ({
    name: `round trip of daemon.status, ${title}`,
    against: 'ndjson echo',
    unit: 'ms',
    ours: quantile(pairs.ours, part),
    reference: quantile(pairs.reference, part),
    judgedBy: 'ratio',
    target: { atMost },
  }));
}
