import { isoTime } from '../../base/clock.ts';
import { formatDuration, milliseconds } from '../../base/duration.ts';
import type { Plan } from '../../contract/models.ts';
import type { Configuration } from '../config.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanOutcome, PlanRow, RunRow, WorktreeRow } from '../registry/rows.ts';
import type { Enforcement } from '../runs/enforcement.ts';
import type { DiskUsage } from '../runs/disk-usage.ts';
import { isActive } from '../runs/machine.ts';
import type { LogLimit } from '../runs/log-limit.ts';
import type { RegisteredRuns } from '../runs/registered.ts';
import type { RunModels } from '../runs/run-model.ts';
import { portsOf } from '../worktrees/ports.ts';
import type { WorktreeModels } from '../worktrees/worktree-models.ts';
import type { Collisions } from './conflicts/collisions.ts';
import type { Gate } from './gate.ts';
import type { BranchFacts, PlanFactsReader } from './plan-facts.ts';
import { planState } from './plan-state.ts';
import { worktreeOf } from './plan-worktree.ts';

interface Parts {
  registry: Registry;
  runModels: RunModels;
  worktreeModels: WorktreeModels;
  logLimit: LogLimit;
  facts: PlanFactsReader;
  configuration: Configuration;
  enforcement: Enforcement;
  gate: Gate;
  collisions: Collisions;
  registered: RegisteredRuns;
  diskUsage: DiskUsage;
}

/** Rows of plans as the contract shows them, from what is known right now. */
export class PlanModels {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  of(plan: PlanRow): Plan {
    const { registry, runModels, worktreeModels } = this.#parts;
    const facts = this.#parts.facts.of(plan.id);
    const latest = registry.runs.latestOf(plan.id);
    const worktree = worktreeOf(registry, plan);
    const repository = registry.repositories.get(plan.repositoryId)?.name ?? '';
    const { outcome } = plan;
    const conflictsWith = this.#parts.collisions.with(plan);
    return {
      name: plan.name,
      repository,
      branch: plan.branch,
      base: plan.base,
      file: plan.file,
      command: plan.command,
      dependsOn: plan.dependsOn,
      limits: plan.limits,
      state: planState(latest, { outcome, isMerged: this.#parts.facts.isMerged(plan) }),
      worktree: worktree ? worktreeModels.of(worktree) : null,
      ports: worktree ? portsOf(worktree) : null,
      progress: this.#parts.facts.progress.of(plan.id),
      run: latest ? runModels.of(latest) : null,
      git:
        plan.baseCommit === null
          ? null
          : { ahead: facts.ahead, behind: facts.behind, dirty: facts.dirty, conflictsWith },
      outcome: outcome && describeOutcome(outcome),
      createdAt: isoTime(plan.createdAt),
      lastActivityAt: isoTime(plan.lastActivityAt),
      warnings: [
        ...this.#dependencyWarnings(plan),
        ...setupWarnings(worktree),
        ...rebaseWarnings(plan, worktree),
        ...this.#warnings(latest, facts),
        ...this.#parts.facts.progress.warningsOf(plan.id),
        ...this.#parts.collisions.warningsOf(plan),
      ],
    };
  }

  /** A plan may be written down before the one that it depends on. */
  #dependencyWarnings({ repositoryId, dependsOn }: PlanRow): string[] {
    const unknown = dependsOn.filter((name) => !this.#parts.registry.plans.byName(repositoryId, name));
    return unknown.map((name) => `depends on ${name}, and there is no such plan`);
  }

  #warnings(latest: RunRow | undefined, facts: BranchFacts): string[] {
    const warnings: string[] = [];
    if (facts.missing) warnings.push('its worktree is missing; the next start makes it again');
    const silence = latest && this.#silenceMs(latest);
    if (silence !== undefined) warnings.push(`stale: no sign of life for ${formatDuration(silence)}`);
    const untrimmed = latest && this.#parts.logLimit.warningOf(latest.id);
    if (untrimmed !== undefined) warnings.push(untrimmed);
    if (latest) warnings.push(...this.#limitWarnings(latest), ...this.#parts.gate.warningsOf(latest.id));
    return warnings;
  }

  #limitWarnings(run: RunRow): string[] {
    if (run.state === 'paused' && run.breach !== null) {
      return [`paused: it broke its limit of ${run.breach}; let it go on with \`wtd resume\`, or end it`];
    }
    return this.#parts.enforcement.warningsOf(run.id).map(({ limit, value, max }) => {
      const isTime = limit === 'runtime' || limit === 'silence';
      const [now, most] = isTime ? [formatDuration(value), formatDuration(max)] : [value, max];
      return `over its limit of ${limit}: ${now}, at most ${most}`;
    });
  }

  /** How long a registered run without a provable process has been silent, once that is too long. */
  #silenceMs(run: RunRow): number | undefined {
    if (run.kind !== 'registered' || run.pid !== null || !isActive(run.state)) return undefined;
    const { registered, configuration } = this.#parts;
    const silence = registered.silenceMs(run.id);
    return silence > milliseconds(configuration.current.orchestrator.stale_threshold) ? silence : undefined;
  }
}

function describeOutcome(outcome: PlanOutcome): Plan['outcome'] {
  const none = { into: null, commit: null, strategy: null, snapshot: null };
  return { ...none, ...outcome, at: isoTime(outcome.at) };
}

/** One with conflicts that was kept for somebody to resolve. */
function rebaseWarnings({ name, intent }: PlanRow, worktree: WorktreeRow | undefined): string[] {
  if (intent?.kind !== 'rebase' || !intent.keep || !worktree) return [];
  const goOn = `resolve the conflicts in ${worktree.path} and run \`git rebase --continue\` there`;
  return [`its rebase waits: ${goOn}, or take it back with \`wtd rebase ${name} --abort\``];
}

function setupWarnings(worktree: WorktreeRow | undefined): string[] {
  if (worktree?.setup?.state !== 'failed') return [];
  const { detail, logPath } = worktree.setup;
  const printed = logPath === null ? '' : ` (what was printed: ${logPath})`;
  return [`its worktree could not be set up: ${detail}${printed}; do what is missing by hand in ${worktree.path}`];
}
