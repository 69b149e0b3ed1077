import { setTimeout as sleep } from 'node:timers/promises';
import { faultPoint } from '../../base/fault-point.ts';
import { shuttingDown, WtdError } from '../../contract/errors.ts';
import type { LimitName } from '../../contract/models.ts';
import type { Logger } from '../log.ts';
import type { RunRow } from '../registry/rows.ts';
import { liveness, signalProcess } from './identity.ts';
import type { RunLedger } from './ledger.ts';
import { isActive, stoppedEnding, vanishedEnding } from './machine.ts';
import type { Roots } from './roots.ts';
import { terminateTree } from './terminate.ts';

/** Between the end of the tree and the record of its parent lie milliseconds. */
const recordPatienceMs = 5000;
/** A longer one would fire at once. */
const longestTimerMs = 2_147_483_647;

interface Parts {
  ledger: RunLedger;
  roots: Roots;
  log: Logger;
  bootId: string;
}

interface StopOptions {
  /** Between TERM and KILL. */
  graceMs: number;
  /** Somebody asked for this very grace, so the next daemon keeps to it as well. */
  isGraceAsked?: boolean;
  force: boolean;
  breach?: LimitName;
}

/** Ends runs that somebody wants ended. */
export class Stopping implements AsyncDisposable {
  readonly #parts: Parts;
  /** Stops under way, so that a later, impatient one can cut the grace of an earlier one. */
  readonly #underWay = new Map<string, { impatient: AbortController; done: Promise<void> }>();
  readonly #closing = new AbortController();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Answers the ended run when its whole process tree is gone. The intent is on disk before the first signal.
   * `breach`: nobody asked, but it broke this limit, which makes its end a failure.
   */
  async stop(id: string, options: StopOptions): Promise<RunRow> {
    const { ledger } = this.#parts;
    const run = ledger.require(id);
    if (!isActive(run.state)) return run;
    if (run.state === 'queued') return ledger.end(id, stoppedEnding);
    if (run.pid === null && run.parentPid === null) return this.#giveUp(run, options.force);
    const graceMs = options.force ? 0 : options.graceMs;
    if (run.state !== 'stopping') {
      const { force, breach = null } = options;
      ledger.move(id, 'stopping', {
        changes: { stopForce: force, stopGraceMs: options.isGraceAsked === true ? graceMs : null, breach },
        data: { force, limit: breach },
      });
    }
    faultPoint('stop: intent written');
    if (options.force && run.stopForce === false) ledger.hurry(id);
    const underWay = this.#underWay.get(id);
    await (underWay ? this.#hurry(underWay, graceMs) : this.#begin(id, graceMs));
    return ledger.require(id);
  }

  isUnderWay(run: string): boolean {
    return this.#underWay.has(run);
  }

  /** Whoever is less patient than the one before has the say. */
  async #hurry({ impatient, done }: { impatient: AbortController; done: Promise<void> }, graceMs: number) {
    const timer = setTimeout(
      () => {
        impatient.abort();
      },
      Math.min(graceMs, longestTimerMs),
    );
    try {
      await done;
    } finally {
      clearTimeout(timer);
    }
  }

  #begin(id: string, graceMs: number): Promise<void> {
    const impatient = new AbortController();
    const done = this.#end(id, { graceMs, hurry: impatient.signal }).finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, { impatient, done });
    return done;
  }

  async #end(id: string, patience: { graceMs: number; hurry: AbortSignal }): Promise<void> {
    const run = this.#parts.ledger.require(id);
    const leave = this.#closing.signal;
    if (!(await terminateTree(await this.#parts.roots.of(run), { ...patience, leave }))) {
      throw leave.aborted ? shuttingDown() : stuck(run);
    }
    faultPoint('stop: tree gone');
    if (run.kind === 'registered') {
      this.#parts.ledger.end(id, stoppedEnding);
      return;
    }
    await this.#untilSettled(run);
    faultPoint('stop: recorded');
  }

  /** The parent writes the record and ends; the supervisor then ends the run. A parent that does neither is killed. */
  async #untilSettled(run: RunRow): Promise<void> {
    const { ledger, log, bootId } = this.#parts;
    const signal = AbortSignal.timeout(recordPatienceMs);
    const ended = await ledger.untilEnded(run.id, { signal }).catch(() => undefined);
    if (ended) return;
    const parent = { bootId: run.bootId ?? '', pid: run.parentPid ?? 0, start: run.parentStart ?? '' };
    log.warn({ run: run.id, parent: parent.pid }, 'the parent of a stopped run did not end by itself');
    await signalProcess(parent, 'SIGKILL');
    while ((await liveness(parent, bootId)) === 'alive') await sleep(20);
    await ledger.untilEnded(run.id, { signal: AbortSignal.timeout(recordPatienceMs) });
  }

  /** Lets go of trees that are held still; the next daemon finds the intents. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([...this.#underWay.values()].map(({ done }) => done));
  }

  /** A run without a process we could prove: only a person can say that it is gone. */
  #giveUp(run: RunRow, force: boolean): RunRow {
    if (force && run.kind === 'registered') return this.#parts.ledger.end(run.id, vanishedEnding('killed', false));
    throw new WtdError('INVALID_STATE', `run ${run.id} has no known process that could be stopped`, {
      hint: 'end it where it runs; if it is gone, `wtd stop <plan> --force` records it lost',
      state: run.state,
      allowed: ['a run with a pid'],
    });
  }
}

const stuck = (run: RunRow): WtdError =>
  new WtdError('TIMEOUT', `some processes of run ${run.id} do not end, even after KILL`, {
    hint: `look at them with \`ps --sid ${run.parentPid ?? 0}\`, then run \`wtd stop\` again`,
    run: run.id,
    state: run.state,
  });
