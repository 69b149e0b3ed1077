import type { Clock } from '../../base/clock.ts';
import { Disposal } from '../../base/disposal.ts';
import { milliseconds } from '../../base/duration.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { newId } from '../../base/id.ts';
import { shuttingDown, type WtdError } from '../../contract/errors.ts';
import type { LimitsAsked } from '../../contract/models.ts';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow, RunRow } from '../registry/rows.ts';
import type { RunLedger } from '../runs/ledger.ts';
import { combineLimits, configuredLimits, effectiveLimits } from '../runs/limits.ts';
import { findProgram } from '../runs/program.ts';
import type { RegisteredRuns } from '../runs/registered.ts';
import type { RunDirectories } from '../runs/run-directory.ts';
import { requireBase } from '../worktrees/base.ts';
import type { Gate, Ground } from './gate.ts';
import type { Launcher } from './launcher.ts';
import { locatePlanFile } from './plan-location.ts';
import { duplicateRun, noCommand, placesFull, queueFull } from './refusals.ts';
import { runVariables } from './run-environment.ts';

interface Parts {
  registry: Registry;
  ledger: RunLedger;
  launcher: Launcher;
  registered: RegisteredRuns;
  directories: RunDirectories;
  gate: Gate;
  configuration: Configuration;
  git: Git;
  clock: Clock;
  log: Logger;
  socket: string;
  /** Nothing begins any more. */
  isEnding: () => boolean;
  /** For runs whose caller sends none. */
  environment: Readonly<Record<string, string>>;
}

interface Wish {
  name: string;
  base?: string | undefined;
  file?: string | undefined;
  command?: string[] | undefined;
  limits?: LimitsAsked | undefined;
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
    const { registry, directories, launcher } = this.#parts;
    const command = this.#commandFor(repository, wish);
    if (command.length === 0) throw noCommand(wish.name);
    const plan = await this.#describe(repository, { ...wish, command });
    const env = wish.env ?? this.#parts.environment;
    await findProgram(plan.command[0] ?? '', env);
    const ground = await this.#requireRoom(repository, plan);
    const id = newId();
    return await launcher.track(id, async () => {
      await using undo = new Disposal();
      undo.defer(() => directories.remove(id));
      await directories.create(id);
      faultPoint('start: directory made');
      await directories.keepEnvironment(id, env);
      faultPoint('start: environment kept');
      if (this.#parts.isEnding()) throw shuttingDown();
      this.#checkRoom(ground, plan); // others may have been promised it meanwhile
      const isQueued = this.#mustWait(plan, wish.whenFull ?? 'queue');
      const state = isQueued ? 'queued' : 'starting';
      const run = this.#newRun(plan, { id, state, command: plan.command });
      undo.defer(this.#write(repository, { plan, run, isNewPlan: !registry.plans.get(plan.id) }));
      faultPoint(isQueued ? 'queue: row written' : 'start: row written');
      const begun = isQueued ? run : await launcher.launch(run, undo);
      undo.release();
      return begun;
    });
  }

  /** Answers the run and the token that proves who speaks for it. */
  async register(repository: RepositoryRow, wish: RegisterWish) {
    const { registered, registry, launcher, ledger, directories, clock, socket } = this.#parts;
    const command = this.#commandFor(repository, wish);
    const plan = await this.#describe(repository, { ...wish, command });
    const processes = await registered.proven(wish.pid);
    await this.#requireRoom(repository, plan);
    if (this.#parts.isEnding()) throw shuttingDown();
    const obstacle = this.#parts.gate.obstacle(plan.repositoryId);
    if (obstacle) throw placesFull(obstacle);
    const { token, hash } = registered.newToken();
    const id = newId();
    return await launcher.track(id, async () => {
      await using undo = new Disposal();
      undo.defer(() => directories.remove(id));
      await directories.create(id);
      const fresh = this.#newRun(plan, { id, state: 'starting', command: wish.command ?? [] });
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
    const command = this.#commandFor(repository, wish);
    if (command.length === 0) throw noCommand(wish.name);
    await this.#baseFor(repository, wish);
    await findProgram(command[0] ?? '', wish.env ?? this.#parts.environment);
    await this.#requireRoom(repository);
  }

  #commandFor(repository: RepositoryRow, wish: Wish): string[] {
    if (wish.command) return wish.command;
    const known = this.#parts.registry.plans.byName(repository.id, wish.name)?.command ?? [];
    return known.length > 0 ? known : (this.#parts.configuration.current.orchestrator.command ?? []);
  }

  /** The plan as it shall be; everything that can be wrong with the wish is refused here. */
  async #describe(repository: RepositoryRow, wish: Wish & { command: string[] }): Promise<PlanRow> {
    const { registry, configuration, clock } = this.#parts;
    const known = registry.plans.byName(repository.id, wish.name);
    const file =
      wish.file === undefined ? (known?.file ?? null) : await locatePlanFile(registry, repository, wish.file);
    const base = await this.#baseFor(repository, wish);
    const active = known && registry.runs.activeOf(known.id);
    if (active) throw this.#duplicate(repository, { plan: known, run: active });
    const now = clock.now();
    const fresh = {
      id: newId(),
      repositoryId: repository.id,
      name: wish.name,
      branch: `${configuration.current.worktrees.branch_prefix}${wish.name}`,
      baseCommit: null,
      dependsOn: [],
      worktreeId: null,
      lastAttempt: 0,
      createdAt: now,
      lastActivityAt: now,
    };
    const limits = combineLimits(known?.limits ?? null, wish.limits);
    return { ...(known ?? fresh), base, file, command: wish.command, limits };
  }

  /** A plan that has its worktree needs its base no more, unless another one is asked for. */
  async #baseFor(repository: RepositoryRow, wish: Wish): Promise<string | null> {
    const { registry, git } = this.#parts;
    const known = registry.plans.byName(repository.id, wish.name);
    if (known && known.worktreeId !== null && wish.base === undefined) return known.base;
    return (await requireBase(git, repository, wish.base ?? known?.base ?? null)).base;
  }

  #duplicate(repository: RepositoryRow, { plan, run }: { plan: PlanRow; run: RunRow }): WtdError {
    const id = run.worktreeId ?? plan.worktreeId;
    const worktree = id === null ? undefined : this.#parts.registry.worktrees.get(id);
    return duplicateRun({ repository, plan, run, worktree: worktree?.path ?? null });
  }

  /** Throws DISK_LOW; answers what was found out. */
  async #requireRoom(repository: RepositoryRow, plan?: PlanRow): Promise<Ground | undefined> {
    const ground = await this.#parts.gate.ground(repository);
    this.#checkRoom(ground, plan);
    return ground;
  }

  #checkRoom(ground: Ground | undefined, plan?: PlanRow): void {
    const refusal = this.#parts.gate.shortage(ground, plan ? this.#limitsOf(plan).maxDiskMb : null);
    if (refusal) throw refusal;
  }

  #limitsOf(plan: PlanRow) {
    return effectiveLimits(plan.limits, configuredLimits(this.#parts.configuration.current));
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

  #newRun(plan: PlanRow, own: Pick<RunRow, 'id' | 'state' | 'command'>): RunRow {
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
      limits: this.#limitsOf(plan),
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
    const changed = { ...plan, lastAttempt: run.attempt, lastActivityAt: run.queuedAt };
    const before = registry.plans.get(plan.id);
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
