import type { Clock } from '../../base/clock.ts';
import { milliseconds } from '../../base/duration.ts';
import type { ClockWatch } from '../clock-watch.ts';
import type { Configuration } from '../config.ts';
import type { Registry } from '../registry/registry.ts';
import type { RunDirectories } from '../runs/run-directory.ts';
import type { Removal } from '../worktrees/removal.ts';
import type { Snapshots } from '../worktrees/snapshots/snapshots.ts';
import type { Setup } from '../worktrees/setup.ts';

interface Parts {
  registry: Registry;
  directories: RunDirectories;
  removal: Removal;
  snapshots: Snapshots;
  setup: Setup;
  configuration: Configuration;
  clock: Clock;
  clockWatch: ClockWatch;
}

/** At most this many a pass, so that none takes long. */
const mostRunsAtOnce = 1000;

/** Keeps what grows within its limits: ended runs with their logs, snapshots, events, the trash. */
export class Retention {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async apply(): Promise<void> {
    const { registry, configuration, removal, clockWatch } = this.#parts;
    if (clockWatch.isTrusted()) await this.#forgetOld();
    registry.change(() => {
      registry.events.trim(configuration.current.events.keep);
    });
    await removal.discarding.emptyTrash();
  }

  async #forgetOld(): Promise<void> {
    await this.#forgetOldRuns();
    await this.#forgetOldSnapshots();
    await this.#forgetRemovedWorktrees();
  }

  async #forgetRemovedWorktrees(): Promise<void> {
    const { registry, setup, configuration, clock } = this.#parts;
    const before = clock.now() - milliseconds(configuration.current.runs.keep);
    const removed = registry.worktrees.removedBefore(before);
    for (const { id } of removed) await setup.forget(id);
    registry.change(() => {
      for (const { id } of removed) registry.worktrees.delete(id);
    });
  }

  async #forgetOldSnapshots(): Promise<void> {
    const { snapshots, configuration, clock } = this.#parts;
    await snapshots.forgetOld(clock.now() - milliseconds(configuration.current.snapshots.keep));
  }

  /** The last run of a plan stays, because the plan's state is derived from it. */
  async #forgetOldRuns(): Promise<void> {
    const { registry, directories, configuration, clock } = this.#parts;
    const before = clock.now() - milliseconds(configuration.current.runs.keep);
    for (const { id } of registry.runs.endedBefore(before, mostRunsAtOnce)) {
      await directories.remove(id);
      registry.change(() => {
        registry.runs.delete(id);
      });
    }
  }
}
