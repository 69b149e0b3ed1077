import type { Clock } from '../../base/clock.ts';
import type { EventType } from '../../contract/events.ts';
import { WtdError } from '../../contract/errors.ts';
import type { RunState } from '../../contract/models.ts';
import type { Registry } from '../registry/registry.ts';
import type { RunRow } from '../registry/rows.ts';
import { blamedOn, isActive, mayBecome, type Ending } from './machine.ts';

type EndListener = (run: RunRow) => void;

interface Parts {
  registry: Registry;
  clock: Clock;
  usage: { peakOf(run: string): RunRow['peak']; forget(run: string): void };
  onError: (error: unknown) => void;
}

/** The states of runs on disk. Every change of state passes here, with its event, and wakes who waits for the end. */
export class RunLedger {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #parts: Parts;
  readonly #listeners = new Set<EndListener>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#registry = parts.registry;
    this.#clock = parts.clock;
  }

  require(id: string): RunRow {
    const run = this.#registry.runs.get(id);
    if (run) return run;
    throw new WtdError('NOT_FOUND', `there is no run ${id}`, { hint: 'see `wtd run list`', kind: 'run', name: id });
  }

  /** Throws a defect when the state machine does not allow it; answers the run as it is now. */
  move(id: string, to: RunState, entry: { changes?: Partial<RunRow>; data?: Record<string, unknown> } = {}): RunRow {
    const run = this.require(id);
    if (!mayBecome(run.state, to)) throw new Error(`run ${id} is ${run.state} and cannot become ${to}`);
    const moved = { ...run, ...entry.changes, state: to };
    this.#registry.change((tell) => {
      this.#registry.runs.update(id, { ...entry.changes, state: to });
      this.#registry.plans.update(run.planId, { lastActivityAt: this.#clock.now() });
      if (moved.worktreeId !== null) {
        this.#registry.worktrees.update(moved.worktreeId, { lastUsedAt: this.#clock.now() });
      }
      tell({
        ...this.#about(moved),
        type: run.state === 'paused' && to === 'running' ? 'run.resumed' : eventOf[to],
        data: { attempt: run.attempt, ...entry.data },
      });
    });
    return moved;
  }

  /** Something happened to a run that leaves its state as it is. */
  note(id: string, type: EventType, data: Record<string, unknown>): void {
    const run = this.require(id);
    this.#registry.change((tell) => {
      tell({ ...this.#about(run), type, data: { attempt: run.attempt, ...data } });
    });
  }

  #about({ id, planId, worktreeId }: RunRow) {
    const plan = this.#registry.plans.get(planId);
    const repository = plan && this.#registry.repositories.get(plan.repositoryId);
    return { repository: repository?.name ?? null, plan: plan?.name ?? null, run: id, worktree: worktreeId };
  }

  /** A stop that was patient is so no more, also for the next daemon. */
  hurry(id: string): void {
    this.#registry.change(() => {
      this.#registry.runs.update(id, { stopForce: true });
    });
  }

  /** Ends a run; does nothing when it has ended already. */
  end(id: string, ending: Ending, entry: { endedAt?: number | undefined } = {}): RunRow {
    const run = this.require(id);
    if (!isActive(run.state)) return run;
    const { state, ...outcome } = blamedOn(run.breach, ending);
    const endedAt = Math.max(entry.endedAt ?? this.#clock.now(), run.startedAt ?? 0);
    const changes = { ...outcome, endedAt, peak: this.#parts.usage.peakOf(id) };
    const ended = this.move(id, state, { changes, data: { state, ...outcome } });
    this.#parts.usage.forget(id);
    for (const listener of [...this.#listeners]) this.#tell(listener, ended);
    return ended;
  }

  /** One that fails must not keep the others from hearing of it. */
  #tell(listener: EndListener, ended: RunRow): void {
    try {
      listener(ended);
    } catch (error) {
      this.#parts.onError(error);
    }
  }

  /** A start that was undone: its row is gone, and whoever waits for its end is told so. */
  takenBack(run: RunRow): void {
    const ended: RunRow = { ...run, state: 'failed', reason: 'spawn', endedAt: this.#clock.now() };
    for (const listener of [...this.#listeners]) this.#tell(listener, ended);
  }

  onEnd(listener: EndListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Answers the run once it has ended; rejects with TIMEOUT, or when the signal is aborted. */
  async untilEnded(id: string, options: { timeoutMs?: number | undefined; signal: AbortSignal }): Promise<RunRow> {
    const run = this.require(id);
    if (!isActive(run.state)) return run;
    const { signal, timeoutMs } = options;
    if (signal.aborted) throw timedOut(run);
    return new Promise((resolve, reject) => {
      const finish = (act: () => void) => {
        listening[Symbol.dispose]();
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        act();
      };
      const listening = this.onEnd((ended) => {
        if (ended.id === id)
          finish(() => {
            resolve(ended);
          });
      });
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(
              () => {
                finish(() => {
                  reject(timedOut(run));
                });
              },
              Math.min(timeoutMs, longestTimerMs),
            );
      const onAbort = () => {
        finish(() => {
          reject(timedOut(run));
        });
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}

/** A longer one would fire at once. */
const longestTimerMs = 2_147_483_647;

const eventOf: Record<RunState, EventType> = {
  queued: 'run.queued',
  starting: 'run.starting',
  running: 'run.started',
  paused: 'run.paused',
  stopping: 'run.stopping',
  succeeded: 'run.ended',
  failed: 'run.ended',
  stopped: 'run.ended',
  lost: 'run.ended',
};

const timedOut = (run: RunRow): WtdError =>
  new WtdError('TIMEOUT', `run ${run.id} has not ended in the time given`, {
    hint: 'wait again; the run goes on',
    run: run.id,
    state: run.state,
  });
