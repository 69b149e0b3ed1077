import { setTimeout as sleep } from 'node:timers/promises';
import { faultPoint } from '../../base/fault-point.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { RunRow } from '../registry/rows.ts';
import type { RunLedger } from '../runs/ledger.ts';
import type { Gate } from './gate.ts';
import type { Launcher } from './launcher.ts';

interface Parts {
  registry: Registry;
  ledger: RunLedger;
  launcher: Launcher;
  gate: Gate;
  log: Logger;
}

const patienceMs = 10_000;
/** Nobody tells when the machine is less busy or its disk less full, so it is asked while somebody waits. */
const lookAgainMs = 1000;
const lookAnywayMs = 60_000;
/** Between the starts of those that an earlier daemon left waiting. */
const staggerMs = 200;

/** Starts waiting runs, first in first out, as soon as there is a place. The queue itself is rows, so it outlives us. */
export class Queue implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #launches = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #wake = new AbortController();
  readonly #listening: Disposable[] = [];
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** From now on every end of a run makes place for the next, and whoever joins the queue is looked at. */
  open(): void {
    const { ledger, registry } = this.#parts;
    const advance = () => {
      this.advance();
    };
    this.#listening.push(
      ledger.onEnd(advance),
      registry.onEvent(({ type }) => {
        if (type === 'run.queued') advance();
      }),
    );
    this.#loop = this.#advanceForever();
  }

  /** Starts what may start now; also after the limits changed. */
  advance(): void {
    this.#wake.abort();
  }

  async #advanceForever(): Promise<void> {
    const { signal } = this.#closing;
    // Those that wait when a daemon comes up would all start at once, so each waits for the one before it.
    let isStaggered = true;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const run = await this.#admitNext();
      const launch = run && this.#launch(run);
      if (launch === undefined) {
        isStaggered = false;
        await this.#untilWoken();
      } else if (isStaggered) {
        await launch;
        await sleep(staggerMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  /** The run whose turn it is, which has its place now; undefined when it is nobody's. */
  async #admitNext(): Promise<RunRow | undefined> {
    const { gate, ledger, log } = this.#parts;
    try {
      const run = await gate.admitNext(({ id }) =>
        this.#closing.signal.aborted ? undefined : ledger.move(id, 'starting'),
      );
      if (run) faultPoint('queue: admitted');
      return run;
    } catch (error) {
      log.error({ err: error }, 'the queue could not be looked at');
      return undefined;
    }
  }

  async #untilWoken(): Promise<void> {
    const isAnybodyWaiting = this.#parts.registry.runs.countQueued() > 0;
    const woken = AbortSignal.any([this.#closing.signal, this.#wake.signal]);
    const waitMs = isAnybodyWaiting ? lookAgainMs : lookAnywayMs;
    await sleep(waitMs, undefined, { signal: woken, ref: false }).catch(() => undefined);
  }

  #launch(run: RunRow): Promise<void> {
    const { launcher, log } = this.#parts;
    const launch = launcher.launchQueued(run).catch((error: unknown) => {
      log.error({ run: run.id, err: error }, 'the end of a start could not be recorded');
    });
    this.#launches.add(launch);
    void launch.finally(() => this.#launches.delete(launch));
    return launch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listening of this.#listening) listening[Symbol.dispose]();
    this.#closing.abort();
    // A checkout may take its time; the next daemon begins such a start anew.
    const underWay = [this.#loop, ...this.#launches];
    await Promise.race([Promise.allSettled(underWay), sleep(patienceMs, undefined, { ref: false })]);
  }
}
