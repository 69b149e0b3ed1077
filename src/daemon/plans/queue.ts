import { setTimeout as sleep } from 'node:timers/promises';
import { faultPoint } from '../../base/fault-point.ts';
import type { Configuration } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import { admitFromQueue } from '../runs/admission.ts';
import type { RunLedger } from '../runs/ledger.ts';
import type { Launcher } from './launcher.ts';
import { contendersOf, placesOf } from './places.ts';

interface Parts {
  registry: Registry;
  ledger: RunLedger;
  launcher: Launcher;
  configuration: Configuration;
  log: Logger;
}

const patienceMs = 10_000;

/** Starts waiting runs, first in first out, as soon as there is a place. The queue itself is rows, so it outlives us. */
export class Queue implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #launches = new Set<Promise<void>>();
  #listening: Disposable | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** From now on every end of a run makes place for the next. */
  open(): void {
    this.#listening = this.#parts.ledger.onEnd(() => {
      this.advance();
    });
    this.advance();
  }

  /** Starts what may start now; also after the limits changed. */
  advance(): void {
    if (this.#listening === undefined) return;
    const { registry, ledger, configuration } = this.#parts;
    const queued = contendersOf(registry, registry.runs.queued());
    if (queued.length === 0) return;
    const placed = contendersOf(registry, registry.runs.placed());
    for (const { id } of admitFromQueue(queued, placed, placesOf(configuration))) {
      const run = ledger.move(id, 'starting');
      faultPoint('queue: admitted');
      const launch = this.#parts.launcher.launchQueued(run).catch((error: unknown) => {
        this.#parts.log.error({ run: id, err: error }, 'the end of a start could not be recorded');
      });
      this.#launches.add(launch);
      void launch.finally(() => this.#launches.delete(launch));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening?.[Symbol.dispose]();
    this.#listening = undefined;
    // A checkout may take its time; the next daemon begins such a start anew.
    await Promise.race([Promise.allSettled(this.#launches), sleep(patienceMs, undefined, { ref: false })]);
  }
}
