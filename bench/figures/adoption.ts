import { connect } from '../../src/client/connect.ts';
import type { Client } from '../../src/client/client.ts';
import { Daemon } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { timed } from '../pairs.ts';
import { median } from '../statistics.ts';

const runCount = 200;
const rounds = 5;

/** How long a daemon takes to serve again, with every run of the one before taken over. */
export async function measureAdoption(): Promise<Figure[]> {
  return [
    {
      name: `ready again after SIGKILL with ${runCount} live runs`,
      against: 'the same with none',
      unit: 'ms',
      ours: await measureRestarts(runCount),
      reference: await measureRestarts(0),
      judgedBy: 'value',
      target: { atMost: 1000 },
    },
  ];
}

async function measureRestarts(count: number): Promise<number> {
  using home = new Home({ limits: { max_concurrent: runCount } });
  const repository = home.makeRepository('shop').path;
  let daemon = await Daemon.start(home);
  const pids = await withClient(home, (client) => startRuns(client, { repository, count, env: home.env }));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await daemon.kill();
    times.push(
      await timed(async () => {
        daemon = await Daemon.start(home);
      }),
    );
    const now = await withClient(home, livePids);
    if (String(now) !== String(pids)) throw new Error(`${pids.length} runs lived, ${now.length} of them do now`);
  }
  await withClient(home, (client) => client.call('daemon.shutdown', { runs: 'stop' }));
  await daemon[Symbol.asyncDispose]();
  return median(times);
}

async function withClient<T>({ socket }: Home, ask: (client: Client) => Promise<T>): Promise<T> {
  await using client = await connect({ socketPath: socket, start: null });
  return await ask(client);
}

async function startRuns(
  client: Client,
  { repository, count, env }: { repository: string; count: number; env: Readonly<Record<string, string>> },
): Promise<number[]> {
  for (let index = 0; index < count; index++) {
    await client.call('plan.start', { repository, plan: `plan-${index}`, command: ['sleep', '1000'], env: { ...env } });
  }
  return livePids(client);
}

/** Of the runs that are running and whose process is there. */
async function livePids(client: Client): Promise<number[]> {
  const { runs } = await client.call('run.list', { active: true, limit: 1000 });
  const pids = runs.flatMap(({ pid, state }) => (pid !== null && state === 'running' ? [pid] : []));
  for (const pid of pids) process.kill(pid, 0); // throws when it is gone
  return pids.sort((one, other) => one - other);
}
