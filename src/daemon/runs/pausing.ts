import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import { WtdError } from '../../contract/errors.ts';
import type { LimitName, RunState } from '../../contract/models.ts';
import type { RunRow } from '../registry/rows.ts';
import { signalProcess } from './identity.ts';
import type { RunLedger } from './ledger.ts';
import type { ProcessEntry } from './process-table.ts';
import type { Roots } from './roots.ts';
import { continueTree } from './terminate.ts';
import { findWholeTree } from './tree.ts';

/** A process stops within milliseconds, longer only when it is stuck in the kernel. */
const patienceMs = 10_000;
const longestPauseMs = 100;

interface Parts {
  ledger: RunLedger;
  clock: Clock;
  roots: Roots;
}

/** Stops the processes of runs where they are, and lets them go on. */
export class Pausing {
  readonly #parts: Parts;
  /** A pause and a resume of one run happen one after the other. */
  readonly #turns = new KeyedMutex();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Answers the run when nothing of its tree runs any more. The intent is on disk before the first signal; a run that
   * is paused already is looked at again. `breach`: nobody asked, but it broke this limit.
   */
  async pause(id: string, breach: LimitName | null = null): Promise<RunRow> {
    return this.#turns.run(id, async () => {
      const { ledger } = this.#parts;
      const run = requireState(ledger.require(id), ['running', 'paused']);
      if (run.state === 'running') ledger.move(id, 'paused', { changes: { breach }, data: { limit: breach } });
      if (!(await this.#stopTree(run))) throw stuck(run);
      return ledger.require(id);
    });
  }

  /** Stops again what may run although its run is paused; one that was resumed meanwhile is left alone. */
  async keepPaused(id: string): Promise<void> {
    await this.#turns.run(id, async () => {
      const run = this.#parts.ledger.require(id);
      if (run.state === 'paused' && !(await this.#stopTree(run))) throw stuck(run);
    });
  }

  /** Answers the run once its tree goes on; what its limits count begins anew. */
  async resume(id: string): Promise<RunRow> {
    return this.#turns.run(id, async () => {
      const { ledger, clock } = this.#parts;
      const run = requireState(ledger.require(id), ['paused', 'running']);
      if (run.state === 'running') return run;
      await this.#continueTree(run);
      const now = ledger.require(id);
      if (now.state !== 'paused') return now;
      return ledger.move(id, 'running', { changes: { breach: null, resumedAt: clock.now() } });
    });
  }

  /** Again and again, because a process may fork between the look and the signal. Answers false in vain. */
  async #stopTree(run: RunRow): Promise<boolean> {
    const isMeant = () => this.#parts.ledger.require(run.id).state === 'paused';
    const deadline = performance.now() + patienceMs;
    for (let pauseMs = 1; isMeant(); pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const going = (await this.#tree(run)).filter(({ stopped }) => !stopped);
      if (going.length === 0) return true;
      if (performance.now() > deadline) return false;
      for (const entry of going) if (isMeant()) await signalProcess(entry, 'SIGSTOP');
      await sleep(pauseMs);
    }
    // Somebody ends the run meanwhile; what was stopped after that could not hear it.
    await this.#continueTree(run);
    return true;
  }

  async #continueTree(run: RunRow): Promise<void> {
    await continueTree(await this.#parts.roots.of(run));
  }

  async #tree(run: RunRow): Promise<ProcessEntry[]> {
    return (await findWholeTree(await this.#parts.roots.of(run))).entries;
  }
}

function requireState(run: RunRow, allowed: readonly RunState[]): RunRow {
  if (!allowed.includes(run.state)) {
    throw new WtdError('INVALID_STATE', `run ${run.id} is ${run.state}`, {
      hint: 'see its state with `wtd status`',
      state: run.state,
      allowed: [...allowed],
    });
  }
  if (run.pid !== null) return run;
  throw new WtdError('INVALID_STATE', `run ${run.id} has no known process that could be paused`, {
    hint: 'pause it where it runs',
    state: run.state,
    allowed: ['a run with a pid'],
  });
}

const stuck = (run: RunRow): WtdError =>
  new WtdError('TIMEOUT', `some processes of run ${run.id} do not stop where they are`, {
    hint: `look at them with \`ps --sid ${run.parentPid ?? run.pid ?? 0}\`, then run \`wtd pause\` again`,
    run: run.id,
    state: 'paused',
  });
