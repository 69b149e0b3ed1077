import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseEnforced } from '../../../src/daemon/runs/cgroup.ts';
import { Executors } from '../../../src/daemon/runs/executors.ts';
import { probeScope, type Proven } from '../../../src/daemon/runs/scope-probe.ts';
import { limitProperties, ScopeExecutor } from '../../../src/daemon/runs/scope.ts';
import { Place } from '../../rig/place.ts';
import { isAlive, pidsOf } from '../../rig/processes.ts';
import { until } from '../../rig/until.ts';
import { UserManager } from '../../rig/systemd-user.ts';
import { describeExecutor } from './executor-conformance.ts';
import { Trial } from './trial.ts';

const obstacle = await UserManager.obstacle();
const bare = { PATH: process.env['PATH'] ?? '' };
const log = pino({ level: 'silent' });
const limits = { maxMemoryMb: null, maxCpuPercent: null, maxDiskMb: null, maxRuntimeMs: null, maxSilenceMs: null };

let directory: string;
let manager: UserManager;
let proven: Proven;

describe.skipIf(obstacle !== null)(obstacle ?? 'the executor with a systemd scope for each run', () => {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'wtd-'));
    manager = await UserManager.start(directory, { ...bare, HOME: directory });
    proven = await probeScope(manager.env);
  });

  afterAll(async () => {
    await manager[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const make = () => new ScopeExecutor(manager.env, () => proven.manager);
  const unitsOf = (run: string) =>
    manager.systemctl('list-units', '--all', '--plain', '--no-legend', `wtd-run-${run}-*`);

  describeExecutor(make, { holds: true });

  test('the scope tells the run and nothing of its command, and is gone with its last process', async () => {
    await using trial = new Trial(make);
    await trial.start(['/bin/sleep', '1000']);
    expect(await unitsOf(trial.run)).toContain(`wtd-run-${trial.run}-1.scope`);
    const unit = await manager.systemctl('show', `wtd-run-${trial.run}-1.scope`);
    expect(unit).toContain(`Description=wtd run ${trial.run}\n`);
    expect(unit).not.toContain('sleep');
    await trial.stop(60_000);
    await trial.ended();
    await until(async () => (await unitsOf(trial.run)) === '', 'the scope is gone');
  });

  test('what the manager accepts and what the kernel enforces are told apart', async () => {
    await using trial = new Trial(make);
    const asked = { ...limits, maxMemoryMb: 300, maxCpuPercent: 250, onBreach: 'stop' as const };
    const { parent } = await trial.start(['/bin/sleep', '1000'], { limits: asked });
    const unit = await manager.systemctl('show', `wtd-run-${trial.run}-1.scope`);
    expect(unit).toMatch(/^MemoryMax=(299999232|300000000)$/m); // whole pages where the kernel has a say
    expect(unit).toMatch(/^MemorySwapMax=0$/m);
    expect(unit).toMatch(/^CPUQuotaPerSecUSec=2\.50*s$/m);
    expect(unit).toMatch(/^TasksMax=16384$/m);
    const told = JSON.parse(readFileSync(join(trial.directory, 'cgroup'), 'utf8')) as { path: string };
    const group = /^0::(.*)$/m.exec(readFileSync(`/proc/${parent}/cgroup`, 'utf8'))?.[1];
    expect(told.path.endsWith(group ?? '?')).toBe(true);
    const files = ['memory.max', 'cpu.max', 'pids.max'].map((file) => readIfThere(join(told.path, file)));
    expect(told).toEqual({ path: told.path, ...parseEnforced(files) });
    expect(proven.enforced.tasks).toBe(files[2] === undefined ? null : 16_384);
  });

  test('a run that the kernel ended for want of memory says so', async ({ skip }) => {
    skip(proven.enforced.memoryBytes === null, 'the kernel has no limit of memory for a user manager here');
    await using trial = new Trial(make);
    const asked = { ...limits, maxMemoryMb: 50, onBreach: 'stop' as const };
    const hungry = 'const all = []; for (;;) all.push(Buffer.alloc(1e6, 1));';
    await trial.start([process.execPath, '-e', hungry], { limits: asked });
    expect((await trial.ended()).oomKills).toBeGreaterThan(0);
  });

  test('a daemon that died before it read the group back leaves it to the next one', async () => {
    await using trial = new Trial(make);
    const { parent, child } = await trial.start(['/bin/sleep', '1000']);
    rmSync(join(trial.directory, 'cgroup'));
    const later = new ScopeExecutor(bare, () => undefined);
    expect((await later.members(trial.directory)).sort()).toEqual([parent, child].sort());
  });

  test('without a manager that answers a start is refused, and nothing runs', async () => {
    await using trial = new Trial(() => new ScopeExecutor(bare, () => ({ ...proven.manager, environment: bare })));
    const refused = await trial.launch(['/bin/sleep', '1000']);
    expect(refused).toMatchObject({ kind: 'refused' });
    expect(refused).toHaveProperty('cause', expect.stringMatching(/bus/));
    expect(pidsOf(trial.run)).toEqual([]);
    expect(trial.output()).toBe('');
  });

  test('a manager that hangs costs seconds, and a start that it gives way to later does not run', async () => {
    await using hung = await Hung.start();
    const env = { ...bare, XDG_RUNTIME_DIR: hung.runtime };
    await using trial = new Trial(() => new ScopeExecutor(env, () => ({ ...proven.manager, environment: env })));
    expect(await trial.launch(['/bin/sleep', '1000'])).toMatchObject({ kind: 'refused' });
    expect(await trial.executor.inspect(trial.directory)).toEqual({ kind: 'cancelled' });
    const executors = new Executors({ environment: env, log });
    expect((await executors.candidates()).map(({ name }) => name)).toEqual(['shim']);
    await hung[Symbol.asyncDispose]();
    await until(() => pidsOf(trial.run).length === 0, 'nothing of the start is left');
  });

  test('a machine with a manager gives scopes, and says who enforces what', async () => {
    const executors = new Executors({ environment: manager.env, log });
    const names = async () => (await executors.candidates()).map(({ name }) => name);
    expect(await names()).toEqual(['scope', 'shim']);
    const { memoryBytes, cpuPercent, tasks } = proven.enforced;
    expect(await executors.facts()).toEqual({
      executor: 'scope',
      enforces: {
        memory: memoryBytes === null ? 'sampled' : 'kernel',
        cpu: cpuPercent === null ? 'sampled' : 'kernel',
        tasks: tasks === null ? 'no' : 'kernel',
      },
    });
    executors.refused(make(), { run: 'r', cause: 'it was busy' });
    expect(await names(), 'after another look').toEqual(['scope', 'shim']);
  });

  test('the executor of a try is known from its directory alone', async () => {
    await using trial = new Trial(make);
    const executors = new Executors({ environment: bare, log });
    expect((await executors.startedIn(trial.directory)).name).toBe('shim');
    const { child } = await trial.start(['/bin/sleep', '1000']);
    expect((await executors.startedIn(trial.directory)).name).toBe('scope');
    expect(isAlive(child)).toBe(true);
  });
});

test('a machine without a manager has shims, and samples', async () => {
  const executors = new Executors({ environment: bare, log });
  expect((await executors.candidates()).map(({ name }) => name)).toEqual(['shim']);
  expect(await executors.facts()).toEqual({
    executor: 'shim',
    enforces: { memory: 'sampled', cpu: 'sampled', tasks: 'no' },
  });
});

test('the kernel is asked to kill and to slow down only where a breach is to end the run', () => {
  const asked = { maxMemoryMb: 200, maxCpuPercent: 150 };
  const tasks = ['TasksMax=16384'];
  const limits = ['MemoryMax=200000000', 'MemorySwapMax=0', 'CPUQuota=150%'];
  expect(limitProperties({ ...asked, onBreach: 'stop' })).toEqual([...limits, ...tasks]);
  expect(limitProperties({ ...asked, onBreach: 'pause' })).toEqual(tasks);
  expect(limitProperties({ ...asked, onBreach: 'warn' })).toEqual(tasks);
  expect(limitProperties(undefined)).toEqual(tasks);
});

/** Where a user manager takes every connection and says nothing. */
class Hung implements AsyncDisposable {
  readonly #place = new Place();
  readonly runtime = this.#place.makeDirectory('runtime');
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#sockets.add(socket.on('error', () => undefined)));

  static async start(): Promise<Hung> {
    const hung = new Hung();
    hung.#place.makeDirectory('runtime/systemd');
    const path = join(hung.runtime, 'systemd/private');
    await new Promise<void>((resolve) => hung.#server.listen(path, resolve));
    return hung;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.#place[Symbol.asyncDispose]();
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
