import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Daemon } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs } from '../pairs.ts';
import { readResidentMb } from '../resident.ts';
import { median } from '../statistics.ts';

/** Long enough for what a start does late, short of the first schedule. */
const restMs = 1000;

export async function measureMemoryAtRest(): Promise<Figure[]> {
  const pairs = await measurePairs({ count: 3, warmUp: 0 }, { ours: measureFreshDaemon, reference: measureBareNode });
  return [
    {
      name: 'memory of a fresh daemon at rest',
      against: 'node that waits',
      unit: 'MB',
      ours: median(pairs.ours),
      reference: median(pairs.reference),
      judgedBy: 'value',
      target: { atMost: 75 },
    },
  ];
}

async function measureFreshDaemon(): Promise<number> {
  using home = new Home();
  await using daemon = await Daemon.start(home);
  await delay(restMs);
  return readResidentMb(daemon.pid);
}

async function measureBareNode(): Promise<number> {
  // Its standard input ends with this process, and it with that.
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  await delay(restMs);
  if (child.pid === undefined) throw new Error('node could not be started');
  const megabytes = readResidentMb(child.pid);
  child.stdin.end();
  await ended;
  return megabytes;
}
