/** Measures how fast wtd is, each figure against its reference in the same run. It ends with 0 whatever it finds. */
import { judge, type Judgement } from './figure.ts';
import { measureAdoption } from './figures/adoption.ts';
import { measureCloneDirectory } from './figures/clone-directory.ts';
import { measureConflictMatrix } from './figures/conflict-matrix.ts';
import { measureCreatesAtOnce } from './figures/creates-at-once.ts';
import { measureMemoryAtRest } from './figures/memory-at-rest.ts';
import { measureMergeOrder } from './figures/merge-order.ts';
import { measurePool } from './figures/pool.ts';
import { measureRoundTrip } from './figures/round-trip.ts';
import { measureSampling } from './figures/sampling.ts';
import { measureStartLatency } from './figures/start-latency.ts';
import { measureStatusCommand } from './figures/status-command.ts';
import { measureStatusGet } from './figures/status-get.ts';
import { measureThroughput } from './figures/throughput.ts';
import { formatTable } from './table.ts';

const measurements = [
  measureStatusCommand,
  measureStatusGet,
  measureRoundTrip,
  measureThroughput,
  measureStartLatency,
  measureCreatesAtOnce,
  measureConflictMatrix,
  measureAdoption,
  measureCloneDirectory,
  measurePool,
  measureMergeOrder,
  measureMemoryAtRest,
  measureSampling,
];

// An ending process removes what it made: see Home and Daemon.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const judgements: Judgement[] = [];
for (const measure of measurements) judgements.push(...(await measure()).map(judge));
const isJson = process.argv.includes('--json');
process.stdout.write(`${isJson ? JSON.stringify(judgements, null, 2) : formatTable(judgements)}\n`);
