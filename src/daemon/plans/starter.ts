import type { Clock } from '../../base/clock.ts';
import { Disposal } from '../../base/disposal.ts';
import { milliseconds } from '../../base/duration.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { newId } from '../../base/id.ts';
import { shuttingDown } from '../../contract/errors.ts';
import type { Configuration } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow, RunRow } from '../registry/rows.ts';
import type { RunLedger } from '../runs/ledger.ts';
import type { RunLimits } from '../runs/limits.ts';
import { findProgram } from '../runs/program.ts';
import type { RegisteredRuns } from '../runs/registered.ts';
import type { RunDirectories } from '../runs/run-directory.ts';
import type { Gate, Ground } from './gate.ts';
import type { GivenWorktrees } from './given-worktree.ts';
import type { Launcher } from './launcher.ts';
import { noCommand, placesFull, queueFull } from './refusals.ts';
import { runVariables } from './run-environment.ts';
import type { Wish, Wishes } from './wishes.ts';

interface Parts {
  registry: Registry;
  ledger: RunLedger;
  launcher: Launcher;
  registered: RegisteredRuns;
  directories: RunDirectories;
  gate: Gate;
  wishes: Wishes;
  givenWorktrees: GivenWorktrees;
  configuration: Configuration;
  clock: Clock;
  log: Logger;
  socket: string;
  /** Nothing begins any more. */
  isEnding: () => boolean;
  /** For runs whose caller sends none. */
  environment: Readonly<Record<string, string>>;
}

export interface StartWish extends Wish {
  whenFull?: 'queue' | 'refuse' | undefined;
  env?: Record<string, string> | undefined;
}

export interface RegisterWish extends Wish {
  pid?: number | undefined;
}

/** A run that may be: every refusal is behind it, nothing has been written yet. */
interface Admitted {
  plan: PlanRow;
  isNewPlan: boolean;
  run: RunRow;
}

/** Begins runs. A refusal makes nothing; a start that fails takes back what it made. The caller serializes a plan. */
export class Starter {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Answers the run: running, queued, or failed with reason `spawn`. */
  async start(repository: RepositoryRow, wish: StartWish): Promise<RunRow> {
    const { registry, directories, launcher, wishes, givenWorktrees } = this.#parts;
    const command = wishes.commandFor(repository, wish);
    if (command.length === 0) throw noCommand(wish.name);
    const { plan, limits } = await wishes.describe(repository, { ...wish, command });
    const env = wish.env ?? this.#parts.environment;
    await findProgram(plan.command[0] ?? '', env);
    const ground = await this.#requireRoom(repository, limits);
    const id = newId();
    return await launcher.track(id, async () => {
      await using undo = new Disposal();
      undo.defer(() => directories.remove(id));
      await directories.create(id);
      faultPoint('start: directory made');
      await directories.keepEnvironment(id, env);
      faultPoint('start: environment kept');
      if (this.#parts.isEnding()) throw shuttingDown();
      this.#checkRoom(ground, limits); // others may have been promised it meanwhile
      if (wish.worktree !== undefined && plan.worktreeId !== null) givenWorktrees.requireFree(plan.worktreeId, plan);
      const isQueued = this.#mustWait(plan, wish.whenFull ?? 'queue');
      const state = isQueued ? 'queued' : 'starting';
      const run = this.#newRun(plan, { id, state, command: plan.command, limits });
      undo.defer(this.#write(repository, { plan, run, isNewPlan: !registry.plans.get(plan.id) }));
      faultPoint(isQueued ? 'queue: row written' : 'start: row written');
      const begun = isQueued ? run : await launcher.launch(run, undo);
      undo.release();
      return begun;
    });
  }

  /** Answers the run and the token that proves who speaks for it. */
  async register(repository: RepositoryRow, wish: RegisterWish) {
    const { registered, registry, launcher, ledger, directories, wishes, clock, socket } = this.#parts;
    const command = wishes.commandFor(repository, wish);
    const { plan, limits } = await wishes.describe(repository, { ...wish, command });
    const processes = await registered.proven(wish.pid);
    await this.#requireRoom(repository, limits);
    if (this.#parts.isEnding()) throw shuttingDown();
    const obstacle = this.#parts.gate.obstacle(plan.repositoryId);
    if (obstacle) throw placesFull(obstacle);
    const { token, hash } = registered.newToken();
    const id = newId();
    return await launcher.track(id, async () => {
      await using undo = new Disposal();
      undo.defer(() => directories.remove(id));
      await directories.create(id);
      const fresh = this.#newRun(plan, { id, state: 'starting', command: wish.command ?? [], limits });
      const run: RunRow = { ...fresh, kind: 'registered', executor: 'registered', tokenHash: hash };
      undo.defer(this.#write(repository, { plan, run, isNewPlan: !registry.plans.get(plan.id) }));
      faultPoint('register: row written');
      const { worktree } = await launcher.prepare(run, undo);
      faultPoint('register: worktree made');
      const now = clock.now();
      const placed = { worktreeId: worktree.id, cwd: worktree.path, startedAt: now, lastHeartbeatAt: now };
      const data = { pid: wish.pid ?? null, kind: 'registered' };
      const running = ledger.move(run.id, 'running', { changes: { ...processes, ...placed }, data });
      faultPoint('register: recorded');
      registered.hear(run.id);
      undo.release();
      const env = runVariables({ run: running, plan, repository, worktree, socket });
      return { run: run.id, token, cwd: worktree.path, env, heartbeatMs: this.#heartbeatMs };
    });
  }

  get #heartbeatMs(): number {
    return milliseconds(this.#parts.configuration.current.orchestrator.heartbeat_interval);
  }

  /** What can be refused before a run that is there is stopped for a new one. */
  async check(repository: RepositoryRow, wish: StartWish): Promise<void> {
    const command = this.#parts.wishes.commandFor(repository, wish);
    if (command.length === 0) throw noCommand(wish.name);
    await this.#parts.wishes.check(repository, wish);
    await findProgram(command[0] ?? '', wish.env ?? this.#parts.environment);
    await this.#requireRoom(repository);
  }

  /** Throws DISK_LOW; answers what was found out. */
  async #requireRoom(repository: RepositoryRow, limits?: RunLimits): Promise<Ground | undefined> {
    const ground = await this.#parts.gate.ground(repository);
    this.#checkRoom(ground, limits);
    return ground;
  }

  #checkRoom(ground: Ground | undefined, limits?: RunLimits): void {
    const refusal = this.#parts.gate.shortage(ground, limits?.maxDiskMb ?? null);
    if (refusal) throw refusal;
  }

  /** Whether the run has to queue. Throws LIMIT_REACHED when it may not. */
  #mustWait(plan: PlanRow, whenFull: 'queue' | 'refuse'): boolean {
    const { registry, configuration, gate } = this.#parts;
    const obstacle = gate.obstacle(plan.repositoryId);
    if (!obstacle) return false;
    if (whenFull === 'refuse') throw placesFull(obstacle);
    const queued = registry.runs.queued().length;
    const max = configuration.current.limits.queue_size;
    if (queued >= max) throw queueFull(queued, max);
    return true;
  }

  #newRun(plan: PlanRow, own: Pick<RunRow, 'id' | 'state' | 'command' | 'limits'>): RunRow {
    return {
      ...own,
      planId: plan.id,
      attempt: plan.lastAttempt + 1,
      executor: 'shim',
      kind: 'supervised',
      reason: null,
      worktreeId: plan.worktreeId,
      cwd: null,
      bootId: null,
      pid: null,
      processStart: null,
      parentPid: null,
      parentStart: null,
      tokenHash: null,
      stopForce: null,
      stopGraceMs: null,
      queuedAt: this.#parts.clock.now(),
      startedAt: null,
      endedAt: null,
      exitCode: null,
      signal: null,
      peak: null,
      breach: null,
      resumedAt: null,
      lastHeartbeatAt: null,
    };
  }

  /** Writes repository, plan and run down at once; answers how to take that back, on a full disk later. */
  #write(repository: RepositoryRow, { plan, run, isNewPlan }: Admitted): () => void {
    const { registry } = this.#parts;
    const isNewRepository = !registry.repositories.get(repository.id);
    const about = { repository: repository.name, plan: plan.name };
    const before = registry.plans.get(plan.id);
    // Somebody may have reported since; only one that begins anew forgets that.
    const { reported, progress } = before?.outcome === null ? before : plan;
    const changed = { ...plan, reported, progress, lastAttempt: run.attempt, lastActivityAt: run.queuedAt };
    registry.change((tell) => {
      if (isNewRepository) {
        registry.repositories.insert(repository);
        tell({ type: 'repository.added', repository: repository.name, data: { path: repository.path } });
      }
      if (isNewPlan) {
        registry.plans.insert(changed);
        tell({ ...about, type: 'plan.created', data: { branch: plan.branch } });
      } else registry.plans.update(plan.id, changed);
      registry.runs.insert(run);
      const type = run.state === 'queued' ? 'run.queued' : 'run.starting';
      tell({ ...about, type, run: run.id, data: { attempt: run.attempt } });
    });
    const takeBack = async () => {
      await registry.changeOnceWritable((tell) => {
        registry.runs.delete(run.id);
        tell({ ...about, type: 'run.ended', run: run.id, data: { state: 'failed', reason: 'spawn', takenBack: true } });
        if (before) registry.plans.update(plan.id, { ...before, lastAttempt: run.attempt });
        else {
          registry.plans.delete(plan.id);
          tell({ ...about, type: 'plan.removed', data: { branch: plan.branch } });
        }
        if (isNewRepository && registry.plans.of(repository.id).length === 0) {
          registry.repositories.delete(repository.id);
          tell({ type: 'repository.removed', repository: repository.name, data: { path: repository.path } });
        }
      });
      this.#parts.ledger.takenBack(run);
    };
    return () => {
      this.#parts.launcher.track(run.id, takeBack).catch((error: unknown) => {
        this.#parts.log.warn({ run: run.id, err: error }, 'a start that was taken back is still written down');
      });
    };
  }
}
