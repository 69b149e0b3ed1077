import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../../src/client/connect.ts';
import { Daemon } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';

const runCount = 200;
const callsAtOnce = 10;
const intervalMs = 2000;
const measuredIntervals = 5;
/** Until what the starts did late is over. */
const settleMs = 5000;
const ticksPerSecond = 100;

export async function measureSampling(): Promise<Figure[]> {
  const config = {
    limits: { max_concurrent: runCount, sample_interval: `${intervalMs}ms` },
    ports: { base: 20_000, range_size: 1, last: 30_000 },
  };
  using home = new Home(config);
  await using daemon = await Daemon.start(home);
  const { path: repository } = home.makeRepository('sampling');
  await using client = await connect({ socketPath: home.socket, start: null });
  const reference = await cpuPercentOf(daemon.pid);
  const start = { command: ['sleep', '10000'], env: { ...home.env } };
  let ours: number;
  try {
    await forEachPlan((plan) => client.call('plan.start', { repository, plan, ...start }));
    await delay(settleMs);
    ours = await cpuPercentOf(daemon.pid);
  } finally {
    await forEachPlan((plan) => client.call('plan.stop', { plan, force: true }));
  }
  return [
    {
      name: `${runCount} live runs, sampled every ${intervalMs / 1000} s`,
      against: 'the daemon without runs',
      unit: '% of a core',
      ours,
      reference,
      judgedBy: 'value',
      target: { atMost: 10 },
    },
  ];
}

async function forEachPlan(task: (plan: string) => Promise<unknown>): Promise<void> {
  const plans = Array.from({ length: runCount }, (_, index) => `plan-${index + 1}`);
  const takeTurns = async (): Promise<void> => {
    for (let plan = plans.shift(); plan !== undefined; plan = plans.shift()) await task(plan);
  };
  await Promise.all(Array.from({ length: callsAtOnce }, takeTurns));
}

/** What the daemon itself used, in user and kernel, over several intervals. */
async function cpuPercentOf(pid: number): Promise<number> {
  const began = performance.now();
  const before = cpuSecondsOf(pid);
  await delay(intervalMs * measuredIntervals);
  return ((cpuSecondsOf(pid) - before) / (performance.now() - began)) * 1000 * 100;
}

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
