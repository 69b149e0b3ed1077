import type { Clock } from '../../base/clock.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Result } from '../../contract/index.ts';
import type { GoingEntry, SweepEntry } from '../../contract/cleanup.ts';
import type { ClockWatch } from '../clock-watch.ts';
import type { Configuration } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Plans } from '../plans/plans.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import type { Removal } from '../worktrees/removal.ts';
import type { Blocker } from '../worktrees/safety.ts';
import { Candidates, type CandidateParts } from './candidates.ts';
import { findHindrances, findReason, planSweep, type Candidate, type Terms } from './plan.ts';

interface Parts extends CandidateParts {
  plans: Plans;
  repositories: Repositories;
  removal: Removal;
  configuration: Configuration;
  clock: Clock;
  clockWatch: ClockWatch;
  log: Logger;
  isEnding: () => boolean;
}

type Swept = Result<'cleanup.run'>;
type Wanted = Address & { olderThanMs?: number | undefined };
type Reason = Pick<SweepEntry, 'reason' | 'detail'>;

/** Takes worktrees away with which nothing is lost; each sweep follows a plan that could have been looked at. */
export class Sweeper {
  readonly #parts: Parts;
  readonly #candidates: Candidates;
  /** One sweep at a time, whoever asks. */
  readonly #turns = new KeyedMutex();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#candidates = new Candidates(parts);
  }

  /** What `run` with the same words would do now. */
  async plan(wanted: Wanted): Promise<Result<'cleanup.plan'>> {
    const rows = await this.#rowsOf(wanted);
    const candidates = await this.#candidates.gather(rows);
    return planSweep(candidates, this.#terms(rows, wanted.olderThanMs));
  }

  /** Waits for a sweep that is under way. One failure does not stop it. */
  async run(wanted: Wanted): Promise<Swept> {
    return this.#turns.run('sweep', async () => {
      const rows = await this.#rowsOf(wanted);
      return this.#sweep(rows, this.#terms(rows, wanted.olderThanMs));
    });
  }

  /** Of the repositories that want it; ages count only while the clock is believed. */
  async runOnSchedule(): Promise<void> {
    await this.#turns.run('sweep', async () => {
      const rows = await this.#rowsForSchedule();
      const terms = { ...this.#terms(rows, undefined), believesAges: this.#parts.clockWatch.isTrusted() };
      const { removed } = await this.#sweep(rows, terms);
      for (const { path, reason, detail } of removed) this.#parts.log.info({ path, reason, detail }, 'swept');
    });
  }

  /** Warnings for people. */
  warnings(): string[] {
    const { disk_budget_mb: budgetMb } = this.#parts.configuration.current.worktrees;
    const usedMb = this.#usedMb(this.#parts.registry.worktrees.live());
    if (budgetMb === null || usedMb <= budgetMb) return [];
    return [`worktrees take ${usedMb.toFixed(0)} MB, more than disk_budget_mb (${budgetMb}); see \`wtd cleanup\``];
  }

  async #rowsOf(wanted: Wanted): Promise<WorktreeRow[]> {
    const { registry, repositories } = this.#parts;
    const repository = await repositories.findForList(wanted);
    return repository ? registry.worktrees.liveOf(repository.id) : registry.worktrees.live();
  }

  async #rowsForSchedule(): Promise<WorktreeRow[]> {
    const { registry, settingsOf } = this.#parts;
    const wants = async (row: RepositoryRow) => (await settingsOf(row)).auto_cleanup;
    const rows: WorktreeRow[] = [];
    for (const row of registry.repositories.list()) {
      if (await wants(row).catch(() => false)) rows.push(...registry.worktrees.liveOf(row.id));
    }
    return rows;
  }

  #terms(rows: readonly WorktreeRow[], olderThanMs: number | undefined): Terms {
    const { registry, configuration, clock } = this.#parts;
    const swept = new Set(rows.map(({ id }) => id));
    return {
      now: clock.now(),
      olderThanMs,
      believesAges: true,
      budgetMb: configuration.current.worktrees.disk_budget_mb,
      otherMb: this.#usedMb(registry.worktrees.live().filter(({ id }) => !swept.has(id))),
    };
  }

  #usedMb(rows: readonly WorktreeRow[]): number {
    return rows.reduce((total, { path }) => total + (this.#parts.diskUsage.of(path).megabytes ?? 0), 0);
  }

  async #sweep(rows: readonly WorktreeRow[], terms: Terms): Promise<Swept> {
    const plan = planSweep(await this.#candidates.gather(rows), terms);
    const swept: Swept = { removed: [], skipped: plan.keep, errors: [] };
    faultPoint('sweep: planned');
    for (const entry of plan.remove) await this.#take(entry, { terms, swept });
    const { removed, skipped, errors } = swept;
    if (removed.length + errors.length > 0) {
      this.#parts.registry.change((tell) => {
        const data = { removed: removed.length, skipped: skipped.length, errors: errors.length };
        tell({ type: 'cleanup.swept', data });
      });
      faultPoint('sweep: recorded');
    }
    return swept;
  }

  async #take(entry: GoingEntry, { terms, swept }: { terms: Terms; swept: Swept }): Promise<void> {
    try {
      const kept = await this.#inTurn(entry, () => this.#takeNow(entry, terms));
      if (kept) swept.skipped.push({ ...entry, ...kept });
      else
        swept.removed.push({
          ...entry,
          snapshot: this.#parts.registry.worktrees.get(entry.worktree)?.snapshotId ?? null,
        });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const refusal = reasonOfRefusal(error);
      if (refusal === undefined)
        this.#parts.log.warn({ path: entry.path, err: error }, 'a worktree could not be swept');
      if (refusal === undefined) swept.errors.push({ ...entry, reason: codeOf(error), detail });
      else swept.skipped.push({ ...entry, reason: refusal, detail });
    }
  }

  /** Nobody may start the plan meanwhile. */
  #inTurn<T>({ worktree }: GoingEntry, task: () => Promise<T>): Promise<T> {
    const { registry, plans } = this.#parts;
    const plan = registry.plans.byWorktree(worktree);
    const repository = plan && registry.repositories.get(plan.repositoryId);
    return repository ? plans.inTurn(repository, plan.name, task) : task();
  }

  /** Asks again, since a sweep takes its time; answers why it stays after all. */
  async #takeNow(entry: GoingEntry, terms: Terms): Promise<Reason | undefined> {
    const { registry, removal, isEnding } = this.#parts;
    if (isEnding()) return { reason: 'busy', detail: 'the daemon is about to end' };
    const row = registry.worktrees.get(entry.worktree);
    const [candidate] = row ? await this.#candidates.gather([row]) : [];
    if (!candidate) return { reason: 'busy', detail: 'somebody else took it away' };
    const kept = stays(candidate, { entry, terms });
    if (kept) return kept;
    const reason = `swept: ${entry.reason}`;
    await removal.remove(candidate.repository, candidate.row, { activeRun: null, reason });
    faultPoint('sweep: worktree removed');
    return undefined;
  }
}

/** What changed since the plan was made. */
function stays(candidate: Candidate, { entry, terms }: { entry: GoingEntry; terms: Terms }): Reason | undefined {
  const [hindrance] = findHindrances(candidate);
  if (hindrance) return { reason: hindrance.code, detail: hindrance.message };
  const wasUsed = (candidate.row.lastUsedAt ?? 0) > terms.now;
  const isGrounded = entry.reason === 'over_budget' || findReason(candidate, terms) !== undefined;
  return wasUsed || !isGrounded ? { reason: 'recent', detail: 'it was used meanwhile' } : undefined;
}

const codeOf = (error: unknown): string => (error instanceof WtdError ? error.code : 'INTERNAL');

/** One word for a refusal, which is no failure: the worktree became unsafe or was taken. */
function reasonOfRefusal(error: unknown): string | undefined {
  if (!(error instanceof WtdError)) return undefined;
  if (error.code === 'BUSY') return 'busy';
  if (error.code !== 'UNSAFE') return undefined;
  const [blocker] = (error.data['blockers'] ?? []) as Blocker[];
  return blocker?.code ?? 'unverified';
}
