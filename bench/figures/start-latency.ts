import { readFileSync } from 'node:fs';
import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/connect.ts';
import { Daemon } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs } from '../pairs.ts';
import { runProgram } from '../program.ts';
import { median } from '../statistics.ts';

/** Tells the nanosecond at which it runs. */
const program = 'date';
const args = ['+%s%N'];

const now = (): number => performance.timeOrigin + performance.now();
const toMs = (output: string): number => Number(output) / 1e6;

export async function measureStartLatency(): Promise<Figure[]> {
  using home = new Home();
  await using _daemon = await Daemon.start(home);
  await using client = await connect({ socketPath: home.socket, start: null });
  const { path } = home.makeRepository('shop');
  // The first start, which makes the worktree, is a part of the warming up.
  const pairs = await measurePairs(
    { count: 40, warmUp: 3 },
    { ours: () => startPlan(client, home, path), reference: () => startBare(home, path) },
  );
  return [
    {
      name: 'plan.start to exec, worktree ready',
      against: 'bare spawn',
      unit: 'ms',
      ours: median(pairs.ours),
      reference: median(pairs.reference),
      judgedBy: 'more',
      target: { atMost: 60 },
    },
  ];
}

/** From the request on, which is a little before it is accepted. */
async function startPlan(client: Client, { env }: Home, repository: string): Promise<number> {
  const address = { repository, plan: 'cart' };
  const start = now();
  await client.call('plan.start', { ...address, command: [program, ...args], env: { ...env } });
  const { state, logPath } = await client.call('plan.wait', address);
  if (state !== 'succeeded' || logPath === null) throw new Error(`the run has ${state}`);
  return toMs(readFileSync(logPath, 'utf8')) - start;
}

async function startBare({ env }: Home, cwd: string): Promise<number> {
  const start = now();
  return toMs(await runProgram(program, args, { cwd, env })) - start;
}
