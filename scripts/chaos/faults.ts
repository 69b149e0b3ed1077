import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { faultPoints } from '../../src/base/fault-point.ts';
import { parseStat } from '../../src/daemon/runs/process-table.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

const dayMs = 86_400_000;

/** Does something bad, and leaves a daemon that serves behind. */
type Fault = (world: World, random: Random) => Promise<void>;

const databaseOf = (world: World): string => join(world.home.socket, '..', 'wtd.db');

function removeDatabase(world: World): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(databaseOf(world) + suffix, { force: true });
}

const killDaemon: Fault = async (world, random) => {
  await world.daemon.end('SIGKILL');
  await sleep(random.between(0, 400));
  await world.daemon.ensure();
};

const killDaemonWhileItTakesOver: Fault = async (world, random) => {
  await world.daemon.end('SIGKILL');
  for (let times = random.between(1, 3); times > 0; times--) await world.daemon.startAndKill(random.between(100, 900));
  await world.daemon.ensure();
};

const endDaemon: Fault = async (world) => {
  await world.daemon.end('SIGTERM');
  await world.daemon.ensure();
};

const freezeDaemon: Fault = async (world, random) => {
  world.daemon.signal('SIGSTOP');
  await sleep(random.between(100, 800));
  world.daemon.signal('SIGCONT');
};

const loseDatabase: Fault = async (world) => {
  await world.daemon.end('SIGKILL');
  removeDatabase(world);
  await world.daemon.ensure();
};

const damageDatabase: Fault = async (world, random) => {
  await world.daemon.end('SIGKILL');
  const file = databaseOf(world);
  if (random.chance(0.5)) truncateSync(file, Math.floor(statSync(file).size / 2));
  else overwrite(file, random);
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
  await world.daemon.ensure();
};

function overwrite(file: string, random: Random): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.from(Array.from({ length: 4096 }, () => random.between(0, 255))), 0, 4096, 0);
  closeSync(descriptor);
}

const takeDatabaseAway: Fault = async (world, random) => {
  removeDatabase(world);
  await sleep(random.between(0, 2500));
  if (random.chance(0.5)) await killDaemon(world, random);
};

const takeSocketAway: Fault = async (world) => {
  rmSync(world.home.socket, { force: true });
  const deadline = performance.now() + 15_000;
  while (!existsSync(world.home.socket)) {
    if (performance.now() > deadline) throw new Error('the socket did not come back');
    await sleep(20);
  }
};

/** Until it has died there, or did not come by. */
const breakAtStep = (action: 'kill' | 'enospc'): Fault =>
  async function breakAtStep(world, random) {
    await world.daemon.end('SIGKILL');
    await world.daemon.start({ WTD_FAULT: `${random.pick(faultPoints)}:${random.between(1, 4)}:${action}` });
    for (let pauses = 30; pauses > 0 && world.daemon.pid !== undefined; pauses--) await sleep(50);
    await endDaemon(world, random);
  };

/** Back and forth by up to two days. */
const setClock: Fault = async (world, random) => {
  const file = join(world.home.directory, 'clock');
  writeFileSync(file, '0');
  await world.daemon.end('SIGTERM');
  await world.daemon.start({ WTD_CLOCK: file });
  for (let jumps = 3; jumps > 0; jumps--) {
    await sleep(random.between(100, 500));
    writeFileSync(file, String(random.between(-2 * dayMs, 2 * dayMs)));
  }
  await endDaemon(world, random);
};

const startRivals: Fault = async (world, random) => {
  if (random.chance(0.5)) await world.daemon.end('SIGKILL');
  const before = world.daemon.pid === undefined ? 0 : 1;
  const serving = await Promise.all([1, 2, 3].map(() => world.daemon.start()));
  const count = before + serving.filter(Boolean).length;
  if (count > 1) throw new Error(`${count} daemons serve one home`);
  await world.daemon.ensure();
};

const reload: Fault = (world) => {
  world.daemon.signal('SIGHUP');
  return Promise.resolve();
};

/** A run's processes that are told apart from everything else by the mark in their environment. */
async function findVictim(
  world: World,
  random: Random,
): Promise<{ run: string; pid: number; parent: number } | undefined> {
  await using client = await world.daemon.connect();
  const { runs } = await client.call('run.list', { active: true, limit: 100 });
  const living = runs.filter(({ pid, state }) => pid !== null && state === 'running');
  if (living.length === 0) return undefined;
  const { id: run, pid } = random.pick(living);
  if (pid === null || !isOf(pid, run)) return undefined;
  const parent = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.parent ?? 0;
  return isOf(parent, run) ? { run, pid, parent } : undefined;
}

function isOf(pid: number, run: string): boolean {
  try {
    return pid > 1 && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`WTD_RUN=${run}\0`);
  } catch {
    return false;
  }
}

/** One that has just ended is no matter. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const killCommand: Fault = async (world, random) => {
  const victim = await findVictim(world, random).catch(() => undefined);
  if (!victim) return;
  world.killedCommands.add(victim.run);
  kill(victim.pid);
};

const killParent: Fault = async (world, random) => {
  const victim = await findVictim(world, random).catch(() => undefined);
  if (!victim) return;
  world.killedParents.add(victim.run);
  kill(victim.parent);
  if (random.chance(0.5)) kill(victim.pid);
};

const sendGarbage: Fault = async (world, random) => {
  const socket = createConnection(world.home.socket);
  socket.on('error', () => undefined);
  const bytes = Buffer.from(Array.from({ length: random.between(1, 20_000) }, () => random.between(0, 255)));
  socket.write(bytes);
  socket.write('{"jsonrpc":"2.0","id":1,"method":"plan.li');
  await sleep(random.between(0, 100));
  socket.destroy();
};

/** Asks, and is gone before the answer. */
const askAndLeave: Fault = async (world, random) => {
  const actor = random.pick(world.actors);
  const command = world.commandOf({ lines: 5, pauseMs: 20, code: 0, hasStray: false });
  const params = { ...actor, command, env: world.home.env };
  const socket = createConnection(world.home.socket);
  socket.on('error', () => undefined);
  socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'plan.start', params })}\n`);
  await sleep(random.between(0, 60));
  socket.destroy();
};

/** By name, the likelier the more often it is there. */
export const faults: Readonly<Record<string, Fault>> = {
  'daemon killed': killDaemon,
  'daemon killed while it takes over': killDaemonWhileItTakesOver,
  'daemon ended': endDaemon,
  'daemon frozen': freezeDaemon,
  'database deleted': loseDatabase,
  'database damaged': damageDatabase,
  'database taken away': takeDatabaseAway,
  'socket taken away': takeSocketAway,
  'daemon killed at a step': breakAtStep('kill'),
  'no space at a step': breakAtStep('enospc'),
  'clock set': setClock,
  'rival daemons': startRivals,
  'configuration reloaded': reload,
  'command killed': killCommand,
  'parent killed': killParent,
  'garbage sent': sendGarbage,
  'client gone': askAndLeave,
};
