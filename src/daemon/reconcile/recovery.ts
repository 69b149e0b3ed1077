import { setImmediate as nextTurn } from 'node:timers/promises';
import { milliseconds } from '../../base/duration.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Configuration } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Abandoning } from '../plans/homecoming/abandoning.ts';
import type { Launcher } from '../plans/launcher.ts';
import type { Rebasing } from '../plans/homecoming/rebasing.ts';
import type { InterruptedCompletions } from '../plans/homecoming/interrupted-completions.ts';
import type { Verification } from '../plans/homecoming/verification.ts';
import type { Registry } from '../registry/registry.ts';
import type { RunRow, WorktreeRow } from '../registry/rows.ts';
import type { RunLedger } from '../runs/ledger.ts';
import { unstartableEnding } from '../runs/machine.ts';
import type { Pausing } from '../runs/pausing.ts';
import type { RegisteredRuns } from '../runs/registered.ts';
import type { RunDirectories } from '../runs/run-directory.ts';
import type { Stopping } from '../runs/stopping.ts';
import type { Supervisor } from '../runs/supervisor.ts';
import type { Restore } from './restore.ts';
import type { Allotment } from '../worktrees/allotment.ts';
import type { Creation } from '../worktrees/creation.ts';
import { isOfPool } from '../worktrees/pool/ready.ts';
import type { Recycling } from '../worktrees/pool/recycling.ts';
import type { Removal } from '../worktrees/removal.ts';
import type { Setup } from '../worktrees/setup.ts';
import type { UnderWay } from '../../base/under-way.ts';

interface Parts {
  registry: Registry;
  ledger: RunLedger;
  supervisor: Supervisor;
  stopping: Stopping;
  pausing: Pausing;
  registered: RegisteredRuns;
  directories: RunDirectories;
  allotment: Allotment;
  creation: Creation;
  removal: Removal;
  setup: Setup;
  recycling: Recycling;
  rebasing: Rebasing;
  abandoning: Abandoning;
  /** Worktrees that are being made or taken away. */
  underWay: UnderWay;
  launcher: Launcher;
  configuration: Configuration;
  log: Logger;
  restore: Restore;
  interrupted: Pick<InterruptedCompletions, 'settle'>;
  verification: Pick<Verification, 'removeRests'>;
}

/** Takes over what an earlier daemon left, whatever it was doing when it ended. */
export class Recovery {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Runs first: they must be watched again before anybody asks. Answers how many were taken over. */
  async recover(): Promise<{ adopted: number }> {
    await this.#parts.restore.restoreMissing();
    const active = this.#parts.registry.runs.active();
    await Promise.all(active.map((run) => this.#eachAlone({ run: run.id }, () => this.#adopt(run))));
    faultPoint('recover: runs adopted');
    for (const row of this.#parts.registry.worktrees.unfinished()) {
      await this.#eachAlone({ worktree: row.path }, () => this.#finishWorktree(row));
      faultPoint('recover: worktree finished');
    }
    await this.#eachAlone({}, () => this.#parts.allotment.keepClaims());
    await this.#settlePlans();
    await this.#takeOverSetups();
    await this.#settleCompletions();
    await this.#eachAlone({}, () => this.#parts.setup.removeRests());
    await this.#eachAlone({}, () => this.#parts.verification.removeRests());
    await this.#parts.registered.check();
    await this.#parts.directories.removeRests();
    // Nobody waits for it: large trees take their time.
    void this.#eachAlone({}, () => this.#parts.removal.discarding.emptyTrash());
    return { adopted: active.filter(({ state }) => state !== 'queued').length };
  }

  async #takeOverSetups(): Promise<void> {
    const { registry, setup, underWay } = this.#parts;
    for (const { id, path } of registry.worktrees.live()) {
      const row = registry.worktrees.get(id);
      const repository = row && registry.repositories.get(row.repositoryId);
      if (!repository || underWay.has(id)) continue;
      await this.#eachAlone({ worktree: path }, () => setup.takeOver(repository, row));
    }
  }

  /** Takes up again what met trouble that may have passed: adoptions, stops, pauses, worktrees and their set-up. */
  async attendAll(): Promise<void> {
    const { registry, supervisor, launcher, stopping, underWay } = this.#parts;
    const isForgotten = ({ id, kind }: RunRow) =>
      kind === 'supervised' && !supervisor.attends(id) && !launcher.isUnderWay(id);
    // What is looked at is asked for again each time: the one before may have taken long.
    for (const { id } of registry.runs.placed()) {
      const run = registry.runs.placed().find((each) => each.id === id);
      if (!run) continue;
      if (isForgotten(run)) await this.#eachAlone({ run: id }, () => this.#adopt(run));
      else if (run.state === 'stopping' && !stopping.isUnderWay(id)) this.#goOnStopping(run);
      else if (run.state === 'paused') this.#goOnPausing(run);
    }
    for (const { id } of registry.worktrees.unfinished()) {
      await nextTurn(); // one that was just begun is marked by then
      const row = registry.worktrees.unfinished().find((each) => each.id === id);
      if (!row || underWay.has(id)) continue;
      await this.#eachAlone({ worktree: row.path }, () => this.#finishWorktree(row));
    }
    await this.#eachAlone({}, () => this.#parts.allotment.keepClaims());
    await this.#settlePlans();
    await this.#takeOverSetups();
    await this.#settleCompletions();
  }

  /** What was begun with the branches of plans; a rebase may also have been gone on with by hand. */
  async #settlePlans(): Promise<void> {
    const { registry, rebasing, abandoning } = this.#parts;
    for (const { repositoryId, name, intent } of registry.plans.list()) {
      const repository = registry.repositories.get(repositoryId);
      if (!repository || intent === null) continue;
      const settler = intent.kind === 'rebase' ? rebasing : intent.kind === 'abandon' ? abandoning : undefined;
      await this.#eachAlone({ plan: name }, async () => settler?.settle(repository, name));
    }
  }

  async #settleCompletions(): Promise<void> {
    const { registry, interrupted } = this.#parts;
    for (const plan of registry.plans.list()) {
      const repository = registry.repositories.get(plan.repositoryId);
      if (repository) await this.#eachAlone({ plan: plan.name }, () => interrupted.settle(repository, plan));
    }
  }

  async #adopt(run: RunRow): Promise<void> {
    const { supervisor, ledger } = this.#parts;
    if (run.state === 'queued') return;
    if (run.kind === 'registered') {
      // Its caller was never answered, so nothing of it can be under way.
      if (run.state === 'starting') ledger.end(run.id, unstartableEnding(null));
    } else if (!(await supervisor.adopt(run))) {
      ledger.move(run.id, 'queued');
      faultPoint('requeue: row written');
      return;
    }
    if (run.state === 'stopping') this.#goOnStopping(run);
    if (run.state === 'paused') this.#goOnPausing(run);
  }

  #goOnPausing(run: RunRow): void {
    this.#parts.pausing.keepPaused(run.id).catch((error: unknown) => {
      this.#parts.log.error({ run: run.id, err: error }, 'a pause could not be finished');
    });
  }

  /** In the background: it may take the whole grace. */
  #goOnStopping(run: RunRow): void {
    const { stopping, configuration, log } = this.#parts;
    const graceMs = run.stopGraceMs ?? milliseconds(configuration.current.orchestrator.shutdown_timeout);
    stopping.stop(run.id, { graceMs, force: run.stopForce ?? false }).catch((error: unknown) => {
      log.error({ run: run.id, err: error }, 'a stop could not be finished');
    });
  }

  async #finishWorktree(row: WorktreeRow): Promise<void> {
    const { registry, creation, removal, recycling, log } = this.#parts;
    const repository = registry.repositories.get(row.repositoryId);
    if (!repository) return;
    try {
      if (row.state === 'creating') await creation.rollBackFound(repository, row);
      else if (row.removal === null && isOfPool(registry, row)) await recycling.begin(repository, row);
      else await removal.finishRemoval(repository, row);
    } catch (error) {
      if (!(error instanceof WtdError) || error.data.code !== 'UNSAFE') throw error;
      log.warn({ worktree: row.path, reason: error.message }, 'a worktree stays, because work is in it');
    }
  }

  /** One that cannot be taken over must not keep the others from it. */
  async #eachAlone(about: Record<string, string>, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#parts.log.error({ ...about, err: error }, 'could not be taken over');
    }
  }
}
