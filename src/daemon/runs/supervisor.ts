import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { unreachable } from '../../base/unreachable.ts';
import type { Logger } from '../log.ts';
import type { RunRow } from '../registry/rows.ts';
import type { Executor, Launch, LaunchResult } from './executor.ts';
import { liveness } from './identity.ts';
import type { RunLedger } from './ledger.ts';
import { endingOf, isActive, unstartableEnding, vanishedEnding, type Ending } from './machine.ts';
import type { RunDirectories } from './run-directory.ts';
import type { RunRecord } from './run-record.ts';
import { rootsOf } from './roots.ts';
import { terminateLeftovers } from './terminate.ts';
import type { UsageMonitor } from './usage.ts';

/** How often a command is looked at whose parent was killed. */
const orphanPollMs = 1000;

interface Parts {
  ledger: RunLedger;
  executor: Executor;
  directories: RunDirectories;
  usage: UsageMonitor;
  clock: Clock;
  log: Logger;
  bootId: string;
  leftoverGraceMs: () => number;
}

/** Starts supervised runs, watches them to their end, and takes over those of an earlier daemon. */
export class Supervisor implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #watches = new Map<string, Disposable>();
  readonly #closing = new AbortController();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Executes the command of a run in state `starting`. Answers the run, running or failed with reason `spawn`. */
  async launch(run: RunRow, what: { program: string; env: Record<string, string> }): Promise<RunRow> {
    const { ledger, executor, directories, bootId, clock } = this.#parts;
    const directory = directories.of(run.id);
    await directories.describe(run.id, { ...run, bootId });
    const command = [what.program, ...run.command.slice(1)];
    const result = await this.#start({ directory, cwd: run.cwd ?? '', command, env: what.env });
    await directories.forgetEnvironment(run.id);
    if (result.kind === 'unstartable') {
      this.#parts.log.warn({ run: run.id, cause: result.cause }, 'a command could not be executed');
      return ledger.end(run.id, unstartableEnding(result.exitCode));
    }
    const { parent, child } = result;
    const processes = { pid: child.pid, processStart: child.start, parentPid: parent.pid, parentStart: parent.start };
    const changes = { ...processes, bootId, executor: executor.name, startedAt: clock.now() };
    const running = ledger.move(run.id, 'running', { changes, data: { pid: child.pid, kind: run.kind } });
    this.#watch(run.id);
    return running;
  }

  /** A start that failed halfway is cancelled; when it cannot be any more, the command runs, and that is the result. */
  async #start(launch: Launch): Promise<LaunchResult> {
    const { executor } = this.#parts;
    try {
      return await executor.start(launch);
    } catch (error) {
      const record = await executor.cancel(launch.directory);
      const isUnderWay = record.kind === 'claimed' || record.kind === 'exited';
      if (!isUnderWay || record.child === null) throw error;
      return { kind: 'started', parent: record.parent, child: record.child };
    }
  }

  /**
   * Takes a run over from a daemon that is gone: watched again when it lives, ended as its record says when not.
   * Answers false when it provably never began; then it may be started again.
   */
  async adopt(run: RunRow): Promise<boolean> {
    const { executor, directories, ledger } = this.#parts;
    const directory = directories.of(run.id);
    const found = await executor.inspect(directory);
    const record = found.kind === 'unclaimed' && run.state === 'starting' ? await executor.cancel(directory) : found;
    if (run.state === 'starting') {
      if (record.kind === 'cancelled' || record.kind === 'unclaimed') return false;
      if (record.kind === 'claimed' || record.kind === 'exited') this.#recordStart(run, record);
    }
    await directories.forgetEnvironment(run.id);
    this.#parts.log.info({ run: run.id, record: record.kind }, 'took over a run');
    if (isActive(ledger.require(run.id).state)) this.#watch(run.id);
    return true;
  }

  #recordStart(run: RunRow, record: Extract<RunRecord, { kind: 'claimed' | 'exited' }>): void {
    const { ledger, bootId, clock, executor } = this.#parts;
    const { parent, child } = record;
    ledger.move(run.id, 'running', {
      changes: {
        pid: child?.pid ?? null,
        processStart: child?.start ?? null,
        parentPid: parent.pid,
        parentStart: parent.start,
        bootId,
        executor: executor.name,
        startedAt: run.startedAt ?? clock.now(),
      },
      data: { pid: child?.pid ?? null, kind: run.kind },
    });
  }

  #watch(run: string): void {
    const { executor, directories, log } = this.#parts;
    const watch = executor.watch(directories.of(run), () => {
      this.#watches.delete(run);
      this.#settle(run).catch((error: unknown) => {
        log.error({ run, err: error }, 'the end of a run could not be recorded');
      });
    });
    this.#watches.set(run, watch);
  }

  /** The parent of a run is gone: ends what it left behind, then the run. */
  async #settle(id: string): Promise<void> {
    const { executor, directories, ledger, usage } = this.#parts;
    const record = await executor.inspect(directories.of(id));
    const ending =
      record.kind === 'claimed' ? await this.#untilOrphanEnds(id) : this.#endingFrom(ledger.require(id), record);
    if (ending === undefined) return; // the daemon ends first; the next one takes the run over
    const run = ledger.require(id);
    await terminateLeftovers(rootsOf(run), { graceMs: this.#parts.leftoverGraceMs(), signal: this.#closing.signal });
    if (this.#closing.signal.aborted) return;
    const endedAt = 'at' in record ? record.at : undefined;
    ledger.end(id, ending, { endedAt, peak: usage.forget(id) });
  }

  #endingFrom(run: RunRow, record: Exclude<RunRecord, { kind: 'claimed' }>): Ending {
    const stopAsked = run.stopForce !== null;
    switch (record.kind) {
      case 'exited':
        return endingOf(record, stopAsked);
      case 'unstartable':
        return unstartableEnding(record.exitCode);
      case 'unclaimed':
      case 'cancelled':
        return vanishedEnding(this.#whyGone(run), stopAsked);
      default:
        return unreachable(record);
    }
  }

  /** The parent was killed. The command may live on, and until it is provably gone it counts as running. */
  async #untilOrphanEnds(id: string): Promise<Ending | undefined> {
    const { ledger, bootId } = this.#parts;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const run = ledger.require(id);
      const isKnown = run.pid !== null && run.processStart !== null;
      const identity = { bootId: run.bootId ?? '', pid: run.pid ?? 0, start: run.processStart ?? '' };
      if (!isKnown || (await liveness(identity, bootId)) === 'gone') {
        return vanishedEnding(this.#whyGone(run), run.stopForce !== null);
      }
      await sleep(orphanPollMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
    return undefined;
  }

  #whyGone(run: RunRow): 'reboot' | 'killed' {
    return run.bootId !== null && run.bootId !== this.#parts.bootId ? 'reboot' : 'killed';
  }

  /** Lets go of the runs; they live on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    for (const watch of this.#watches.values()) watch[Symbol.dispose]();
    this.#watches.clear();
    return Promise.resolve();
  }
}
