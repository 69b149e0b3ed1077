import { isoTime, type Clock } from '../../base/clock.ts';
import type { Run } from '../../contract/models.ts';
import type { Registry } from '../registry/registry.ts';
import type { RunRow } from '../registry/rows.ts';
import { noLimits } from './limits.ts';
import { isActive } from './machine.ts';
import type { RunDirectories } from './run-directory.ts';
import type { UsageMonitor } from './usage.ts';

/** Rows of runs as the contract shows them. */
export class RunModels {
  readonly #parts: { registry: Registry; clock: Clock; usage: UsageMonitor; directories: RunDirectories };

  constructor(parts: { registry: Registry; clock: Clock; usage: UsageMonitor; directories: RunDirectories }) {
    this.#parts = parts;
  }

  of(run: RunRow): Run {
    const { registry, usage } = this.#parts;
    const plan = registry.plans.get(run.planId);
    const repository = plan && registry.repositories.get(plan.repositoryId);
    const noPeak = { cpuPercent: null, memoryMb: null, diskMb: null };
    return {
      id: run.id,
      plan: plan?.name ?? '',
      repository: repository?.name ?? '',
      attempt: run.attempt,
      executor: run.executor,
      kind: run.kind,
      state: run.state,
      reason: run.reason ?? (isActive(run.state) ? run.breach : null),
      pid: run.pid,
      command: run.command,
      cwd: run.cwd,
      worktree: run.worktreeId,
      queuePosition: this.#queuePosition(run),
      queuedAt: isoTime(run.queuedAt),
      ...this.#times(run),
      exitCode: run.exitCode,
      signal: run.signal,
      logPath: run.kind === 'supervised' ? this.#parts.directories.logOf(run.id) : null,
      usage: isActive(run.state) ? usage.usageOf(run.id) : null,
      peak: usage.peakOf(run.id) ?? run.peak ?? noPeak,
      limits: run.limits ?? noLimits,
      lastHeartbeatAt: run.lastHeartbeatAt === null ? null : isoTime(run.lastHeartbeatAt),
    };
  }

  /** 1 is the next one to start. */
  #queuePosition(run: RunRow): number | null {
    if (run.state !== 'queued') return null;
    return this.#parts.registry.runs.queued().findIndex(({ id }) => id === run.id) + 1;
  }

  #times({ startedAt, endedAt }: RunRow): Pick<Run, 'startedAt' | 'endedAt' | 'durationMs'> {
    return {
      startedAt: startedAt === null ? null : isoTime(startedAt),
      endedAt: endedAt === null ? null : isoTime(endedAt),
      durationMs: startedAt === null ? null : Math.max(0, (endedAt ?? this.#parts.clock.now()) - startedAt),
    };
  }
}
