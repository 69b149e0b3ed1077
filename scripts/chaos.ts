/**
 * Does bad things to a daemon under a load of thirty plans, round after round, and counts after each round whatever is
 * not as it must be. Ends with 1 when anything was. `npm run chaos -- --rounds N --seed S`; a seed makes the same choices.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Client } from '../src/client/client.ts';
import { faults } from './chaos/faults.ts';
import { Invariants } from './chaos/invariants.ts';
import { keepBusy } from './chaos/load.ts';
import { Random } from './chaos/random.ts';
import { World } from './chaos/world.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
});
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
/** A process stuck for longer will not come unstuck. */
const calmPatienceMs = 60_000;

// An ending process removes what it made.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const struck = new Map<string, number>(Object.keys(faults).map((name) => [name, 0]));
const violations: string[] = [];
const world = new World();
const invariants = new Invariants(world);
await world.daemon.ensure();
await world.runOnce(); // without any record of a run a damaged database is for people
for (let round = 1; round <= rounds; round++) {
  const found = await playRound(new Random(seed * 1_000_003 + round));
  violations.push(...found.map((sentence) => `round ${round}: ${sentence}`));
  for (const sentence of found) process.stderr.write(`round ${round}: ${sentence}\n`);
  if (process.stderr.isTTY)
    process.stderr.write(`round ${round}: ${invariants.runs} runs, ${violations.length} violations\n`);
}
await world.daemon.end('SIGTERM');
world[Symbol.dispose]();
process.stdout.write(
  `${JSON.stringify({ rounds, seed, runs: invariants.runs, repairs: invariants.repairs, ...Object.fromEntries(struck), violations: violations.length }, null, 2)}\n`,
);
process.exit(violations.length === 0 ? 0 : 1);

async function playRound(random: Random): Promise<string[]> {
  const isOver = new AbortController();
  setMaxListeners(0, isOver.signal);
  const load = keepBusy(world, random, isOver.signal);
  const found: string[] = [];
  const names: string[] = [];
  for (let count = random.between(1, 3); count > 0; count--) {
    await sleep(random.between(100, 900));
    const name = random.pick(Object.keys(faults));
    names.push(name);
    struck.set(name, (struck.get(name) ?? 0) + 1);
    try {
      await faults[name]?.(world, random);
    } catch (error) {
      found.push(`${name}: ${String(error)}`);
    }
  }
  await sleep(random.between(100, 900));
  isOver.abort();
  found.push(...(await load));
  await world.daemon.ensure();
  const calm = await checkOnceCalm().catch((error: unknown) => [`no check was possible: ${String(error)}`]);
  return [...found, ...calm, ...world.daemon.crashes.splice(0)].map((text) => `[${names.join(', ')}] ${text}`);
}

async function checkOnceCalm(): Promise<string[]> {
  await using client = await world.daemon.connect();
  const deadline = performance.now() + calmPatienceMs;
  while ((await client.call('run.list', { active: true })).runs.length > 0) {
    if (performance.now() > deadline) break; // what has not ended is then among the violations
    await resumeAll(client);
    await sleep(50);
  }
  return await invariants.check(client);
}

/** A daemon that was killed may have left some where they were. */
async function resumeAll(client: Client): Promise<void> {
  const { runs } = await client.call('run.list', { active: true });
  for (const { plan, repository, state } of runs) {
    if (state === 'paused') await client.call('plan.resume', { plan, repository });
  }
}
