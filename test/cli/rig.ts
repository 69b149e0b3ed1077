import { PassThrough } from 'node:stream';
import { runCli } from '../../src/cli/cli.ts';
import type { Event, Plan, Run, Worktree } from '../../src/contract/models.ts';
import type { Service } from '../../src/contract/service.ts';
import type { Picture } from '../../src/contract/status.ts';
import { RpcError } from '../../src/rpc/errors.ts';
import { serve, type Methods } from '../rpc/rig.ts';
import { noLimits } from '../../src/daemon/runs/limits.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

interface Surroundings {
  readonly methods?: Methods;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  readonly service?: Service;
}

/** Runs a command line against a daemon that answers only what the test says; without methods there is no daemon. */
export async function wtd(argv: readonly string[], around: Surroundings = {}): Promise<Outcome> {
  const { methods, cwd = '/home/dev/shop', env = { HOME: '/home/dev' }, isTerminal = false, service } = around;
  const socketPath = methods === undefined ? '/nowhere/wtd.sock' : (await serve(methods)).path;
  const stdout = Object.assign(new PassThrough(), { isTTY: isTerminal });
  const stderr = Object.assign(new PassThrough(), { isTTY: isTerminal });
  const out = readAll(stdout);
  const err = readAll(stderr);
  const exitCode = await runCli({
    argv,
    env,
    cwd,
    streams: { stdout, stderr } as unknown as Pick<NodeJS.Process, 'stdout' | 'stderr'>,
    route: () => ({ socketPath, start: null }),
    service: () => (service ? Promise.resolve(service) : Promise.reject(new Error('there is no service'))),
  });
  stdout.end();
  stderr.end();
  return { exitCode, out: await out, err: await err };
}

async function readAll(stream: PassThrough): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** A refusal as the daemon sends it. */
export const refuse = (code: number, name: string, message: string): RpcError =>
  new RpcError(code, message, { code: name, hint: 'try something else' });

export const run = (changes: Partial<Run> = {}): Run => ({
  id: 'run-1',
  plan: 'login',
  repository: 'shop',
  attempt: 1,
  executor: 'shim',
  kind: 'supervised',
  state: 'running',
  reason: null,
  pid: 4321,
  command: ['claude', '-p', 'fix it'],
  cwd: '/home/dev/shop/worktrees/plan-login',
  worktree: 'worktree-1',
  queuePosition: null,
  queuedAt: '2026-01-01T00:00:00.000Z',
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: null,
  durationMs: null,
  exitCode: null,
  signal: null,
  logPath: null,
  usage: { cpuPercent: 12.4, memoryMb: 85.3, diskMb: null, processes: 2, sampledAt: '2026-01-01T00:05:00.000Z' },
  peak: { cpuPercent: null, memoryMb: null, diskMb: null },
  limits: noLimits,
  lastHeartbeatAt: null,
  ...changes,
});

export const endedRun = (changes: Partial<Run> = {}): Run =>
  run({
    state: 'succeeded',
    reason: 'exit',
    exitCode: 0,
    endedAt: '2026-01-01T00:01:00.000Z',
    durationMs: 60_000,
    ...changes,
  });

const worktree: Worktree = {
  id: 'worktree-1',
  name: 'plan-login',
  repository: 'shop',
  branch: 'plan/login',
  base: 'main',
  path: '/home/dev/shop/worktrees/plan-login',
  kind: 'plan',
  state: 'in_use',
  declared: 'active',
  conditions: [],
  ports: { start: 8100, end: 8109 },
  lease: null,
  plan: 'login',
  task: null,
  owned: true,
  setup: null,
  pr: null,
  useCount: 1,
  diskMb: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  lastUsedAt: null,
  removedAt: null,
  snapshot: null,
};

export const plan = (changes: Partial<Plan> = {}): Plan => ({
  name: 'login',
  repository: 'shop',
  branch: 'plan/login',
  base: 'main',
  file: null,
  command: ['claude'],
  dependsOn: [],
  limits: null,
  state: 'running',
  worktree,
  ports: { start: 8100, end: 8109 },
  progress: null,
  run: run(),
  git: null,
  outcome: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  lastActivityAt: '2026-01-01T00:00:00.000Z',
  warnings: [],
  ...changes,
});

export const event = (changes: Partial<Event> = {}): Event => ({
  seq: 7,
  at: '2026-01-01T00:00:00.000Z',
  type: 'run.started',
  repository: 'shop',
  plan: 'login',
  run: 'run-1',
  worktree: null,
  data: { pid: 4321 },
  ...changes,
});

export const picture = (plans: readonly Plan[], changes: Partial<Picture> = {}): Picture => ({
  daemon: {
    version: '0.1.0',
    protocol: 1,
    pid: 1,
    startedAt: '2026-01-01T00:00:00.000Z',
    uptimeMs: 1000,
    socket: '/home/dev/.local/state/wtd/wtd.sock',
    home: '/home/dev/.local/state/wtd',
    memoryMb: 60,
    counts: { repositories: 1, worktrees: 1, plans: 1, running: 1, queued: 0, connections: 1 },
  },
  limits: { maxConcurrent: 3, running: 2, queued: 1 },
  machine: {
    cpuPercent: null,
    loadAverage: [0, 0, 0],
    memoryMb: 1,
    memoryTotalMb: 2,
    disk: { path: '/', freeMb: 80_400, totalMb: 100_000, state: 'ok' },
  },
  plans: [...plans],
  worktrees: { total: 1, inUse: 1, available: 0, named: 0, failed: 0 },
  aggregate: {
    plans: plans.length,
    running: 2,
    queued: 1,
    tasks: { total: 0, completed: 0, inProgress: 0, failed: 0, skipped: 0 },
    percent: null,
  },
  warnings: [],
  ...changes,
});
