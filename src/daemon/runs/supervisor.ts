import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { unreachable } from '../../base/unreachable.ts';
import type { Logger } from '../log.ts';
import type { RunRow } from '../registry/rows.ts';
import { isPassingTrouble } from '../registry/trouble.ts';
import { Attempts, type Attempt, type Begin } from './attempts.ts';
import type { Executor } from './executor.ts';
import type { Executors } from './executors.ts';
import { liveness } from './identity.ts';
import type { RunLedger } from './ledger.ts';
import { endingOf, isActive, stoppedEnding, unstartableEnding, vanishedEnding, type Ending } from './machine.ts';
import type { RunDirectories } from './run-directory.ts';
import type { Announced, RunRecord } from './run-record.ts';
import type { Roots } from './roots.ts';
import { continueTree, terminateLeftovers } from './terminate.ts';

/** How often a command is looked at whose parent was killed. */
const orphanPollMs = 1000;
const insistPauseMs = 250;
/** A daemon must come up also beside a full disk; what it could not adopt it tries again later. */
const adoptionPatienceMs = 1000;
const settlePauseMs = 1000;

interface Parts {
  ledger: RunLedger;
  executors: Executors;
  roots: Roots;
  directories: RunDirectories;
  clock: Clock;
  log: Logger;
  bootId: string;
  leftoverGraceMs: () => number;
}

interface Gone extends Attempt {
  run: string;
  /** We saw it alive. */
  seen: boolean;
}

/** Starts supervised runs, watches them to their end, and takes over those of an earlier daemon. */
export class Supervisor implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #attempts: Attempts;
  readonly #watches = new Map<string, Disposable>();
  readonly #settling = new Set<string>();
  readonly #closing = new AbortController();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#attempts = new Attempts(parts);
  }

  /** Executes the command of a run in state `starting`. Answers the run, running or failed with reason `spawn`. */
  async launch(run: RunRow, what: Begin): Promise<RunRow> {
    const { ledger, directories, clock } = this.#parts;
    if (this.#closing.signal.aborted) throw new Error('the daemon has ended');
    const { result, ...attempt } = await this.#attempts.begin(run, what);
    // From here on something may have run, so nobody may take the start back.
    what.onExecuted();
    if (result.kind === 'unstartable') {
      this.#parts.log.warn({ run: run.id, cause: result.cause }, 'a command could not be executed');
      await this.#insist(() => {
        ledger.end(run.id, unstartableEnding(result.exitCode));
      });
    } else {
      const startedAt = clock.now();
      await this.#insist(() => {
        this.#recordStart(run, { ...result, ...attempt, startedAt });
      });
      faultPoint('start: recorded');
      this.#watch(run.id, attempt);
    }
    await directories.forgetEnvironment(run.id).catch((error: unknown) => {
      this.#parts.log.warn({ run: run.id, err: error }, 'the environment of a run could not be removed');
    });
    faultPoint('start: environment forgotten');
    return ledger.require(run.id);
  }

  /**
   * Takes a run over from a daemon that is gone: watched again when it lives, ended as its record says when not.
   * Answers false when it provably never began; then it may be started again.
   */
  async adopt(run: RunRow): Promise<boolean> {
    const { executors, directories, ledger, clock } = this.#parts;
    const directory = await directories.lastTry(run.id);
    const executor = await executors.startedIn(directory);
    const attempt = { executor, directory };
    const found = await executor.inspect(directory);
    const record = found.kind === 'unclaimed' && run.state === 'starting' ? await executor.cancel(directory) : found;
    if (run.state === 'starting') {
      if (record.kind === 'cancelled' || record.kind === 'unclaimed') {
        faultPoint('requeue: start cancelled');
        return false;
      }
      if (record.kind === 'claimed' || record.kind === 'exited') {
        const { parent, child } = this.#isOfThisBoot(run) ? await this.#attempts.announced(attempt, record) : record;
        const startedAt = run.startedAt ?? clock.now();
        await this.#insist(() => {
          this.#recordStart(run, { parent, child, executor, startedAt });
        }, adoptionPatienceMs);
      }
    }
    faultPoint('recover: run adopted');
    await directories.forgetEnvironment(run.id);
    this.#parts.log.info({ run: run.id, record: record.kind }, 'took over a run');
    if (isActive(ledger.require(run.id).state)) this.#watch(run.id, attempt);
    return true;
  }

  #recordStart(
    run: RunRow,
    start: { parent: Announced; child: Announced | null; executor: Executor; startedAt: number },
  ): void {
    const { parent, child, executor, startedAt } = start;
    const { ledger } = this.#parts;
    const processes = {
      pid: child?.pid ?? null,
      processStart: child?.start ?? null,
      parentPid: parent.pid,
      parentStart: parent.start,
    };
    const bootId = run.bootId ?? this.#parts.bootId;
    const changes = { ...processes, bootId, executor: executor.name, startedAt };
    ledger.move(run.id, 'running', { changes, data: { pid: processes.pid, kind: run.kind } });
  }

  /** Whether somebody here waits for the end of the run. */
  attends(run: string): boolean {
    return this.#watches.has(run) || this.#settling.has(run);
  }

  #watch(run: string, attempt: Attempt): void {
    if (this.#closing.signal.aborted) return;
    const watch = attempt.executor.watch(attempt.directory, (seen) => {
      this.#watches.delete(run);
      this.#settling.add(run);
      void this.#settleUntilDone({ run, ...attempt, seen }).finally(() => this.#settling.delete(run));
    });
    this.#watches.set(run, watch);
  }

  /** Descriptors or the disk may be short for a while; the end of a run is not forgotten because of that. */
  async #settleUntilDone(gone: Gone): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#settle(gone);
        return;
      } catch (error) {
        this.#parts.log.error({ run: gone.run, err: error }, 'the end of a run could not be recorded, trying again');
        await sleep(settlePauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  /** The parent of a run is gone: ends what it left behind, then the run. */
  async #settle({ run: id, executor, directory, seen }: Gone): Promise<void> {
    const { roots, ledger, leftoverGraceMs } = this.#parts;
    const { signal } = this.#closing;
    const record = await executor.inspect(directory);
    faultPoint('end: seen');
    const isTold = record.kind === 'exited' || record.kind === 'unstartable';
    if (!isTold) await this.#untilOrphanEnds(id);
    // Of a parent that ended while nobody watched, the session's number may be somebody else's by now.
    const run = ledger.require(id);
    const tree = { ...(await roots.of(run)), justEnded: isTold && seen };
    if (run.state === 'paused') await continueTree(tree); // also what is not ended with it
    await terminateLeftovers(tree, { graceMs: leftoverGraceMs(), leave: signal });
    if (signal.aborted) return; // the next daemon finds the same record
    faultPoint('end: leftovers gone');
    ledger.end(id, this.#endingFrom(ledger.require(id), record), { endedAt: isTold ? record.at : undefined });
    faultPoint('end: recorded');
  }

  /** The registry may be busy or its disk full for a while; what happened is not forgotten because of that. */
  async #insist(write: () => void, patienceMs = Infinity): Promise<void> {
    const { signal } = this.#closing;
    const deadline = performance.now() + patienceMs;
    while (!signal.aborted) {
      try {
        write();
        return;
      } catch (error) {
        if (!isPassingTrouble(error) || performance.now() > deadline) throw error;
        this.#parts.log.error({ err: error }, 'the registry could not be written, trying again');
        await sleep(insistPauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  #endingFrom(run: RunRow, record: RunRecord): Ending {
    const stopAsked = run.stopForce !== null;
    switch (record.kind) {
      case 'exited':
        return endingOf(record, stopAsked);
      case 'unstartable':
        return stopAsked ? stoppedEnding : unstartableEnding(record.exitCode);
      case 'claimed':
      case 'unclaimed':
      case 'cancelled':
        return vanishedEnding(this.#whyGone(run), stopAsked);
      default:
        return unreachable(record);
    }
  }

  /** There is no record of the end. The command may live on, and until it is provably gone it counts as running. */
  async #untilOrphanEnds(id: string): Promise<void> {
    const { ledger, bootId } = this.#parts;
    const { signal } = this.#closing;
    const run = ledger.require(id);
    if (run.pid === null || run.processStart === null) return;
    const identity = { bootId: run.bootId ?? '', pid: run.pid, start: run.processStart };
    while (!signal.aborted && (await liveness(identity, bootId)) !== 'gone') {
      await sleep(orphanPollMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  #whyGone(run: RunRow): 'reboot' | 'killed' {
    return this.#isOfThisBoot(run) ? 'killed' : 'reboot';
  }

  #isOfThisBoot = (run: RunRow): boolean => run.bootId === null || run.bootId === this.#parts.bootId;

  /** Lets go of the runs; they live on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    for (const watch of this.#watches.values()) watch[Symbol.dispose]();
    this.#watches.clear();
    return Promise.resolve();
  }
}
