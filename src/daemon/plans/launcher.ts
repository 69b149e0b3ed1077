import { appendFile } from 'node:fs/promises';
import { Disposal } from '../../base/disposal.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Git } from '../git/git.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow, RunRow, WorktreeRow } from '../registry/rows.ts';
import type { RunLedger } from '../runs/ledger.ts';
import { unstartableEnding } from '../runs/machine.ts';
import { findProgram } from '../runs/program.ts';
import type { RunDirectories } from '../runs/run-directory.ts';
import type { Supervisor } from '../runs/supervisor.ts';
import { isMissing } from '../worktrees/entry.ts';
import type { Allotment } from '../worktrees/allotment.ts';
import type { Creation } from '../worktrees/creation.ts';
import type { Handover } from '../worktrees/pool/handover.ts';
import type { Removal } from '../worktrees/removal.ts';
import { requireBase } from '../worktrees/base.ts';
import type { Wanted } from '../worktrees/register.ts';
import { writeContext } from './tasks/context-directory.ts';
import type { PlanFactsReader } from './plan-facts.ts';
import { runEnvironment } from './run-environment.ts';

interface Parts {
  registry: Registry;
  ledger: RunLedger;
  supervisor: Supervisor;
  allotment: Allotment;
  creation: Creation;
  removal: Removal;
  handover: Handover;
  facts: PlanFactsReader;
  directories: RunDirectories;
  git: Git;
  log: Logger;
  socket: string;
  bootId: string;
  environment: Readonly<Record<string, string>>;
}

interface Prepared {
  plan: PlanRow;
  repository: RepositoryRow;
  worktree: WorktreeRow;
}

type Making = Omit<Prepared, 'worktree'> & { environment: Readonly<Record<string, string>> | undefined };

/** Brings a run in state `starting` into its worktree and off the ground. */
export class Launcher {
  readonly #parts: Parts;
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Answers the run, running or failed with reason `spawn`; throws when it could not be isolated. `undo` collects what
   * was made, and is released once something may have run.
   */
  async launch(run: RunRow, undo: Disposal): Promise<RunRow> {
    const { registry, directories, supervisor, socket, bootId } = this.#parts;
    const callers = (await directories.readEnvironment(run.id)) ?? this.#parts.environment;
    const program = await findProgram(run.command[0] ?? '', callers);
    const { plan, repository, worktree } = await this.prepare(run, undo, callers);
    const placed = { worktreeId: worktree.id, cwd: worktree.path, bootId };
    registry.change(() => {
      registry.runs.update(run.id, placed);
    });
    faultPoint('start: place written');
    const ready = { ...run, ...placed };
    const env = runEnvironment(callers, { run: ready, plan, repository, worktree, socket });
    const onExecuted = () => {
      undo.release();
    };
    return supervisor.launch(ready, { program, env, limits: run.limits ?? undefined, onExecuted });
  }

  /** Whoever wants to end the run waits until this has come to its end. */
  async track<T>(run: string, begin: () => Promise<T>): Promise<T> {
    const beginning = begin();
    this.#underWay.set(run, beginning);
    try {
      return await beginning;
    } finally {
      if (this.#underWay.get(run) === beginning) this.#underWay.delete(run);
    }
  }

  /** Like launch, for a run whose caller has long been answered: what goes wrong ends the run. */
  async launchQueued(run: RunRow): Promise<void> {
    await this.track(run.id, async () => {
      try {
        await using undo = new Disposal();
        await this.launch(run, undo);
      } catch (error) {
        // The next daemon begins it anew.
        if (error instanceof WtdError && error.code === 'SHUTTING_DOWN') return;
        await this.#endUnlaunched(run, error);
      }
    });
  }

  /** Only what is still being started never ran; anything else belongs to the supervisor. */
  async #endUnlaunched(run: RunRow, error: unknown): Promise<void> {
    const { ledger, directories, log } = this.#parts;
    const sentence = error instanceof Error ? error.message : String(error);
    log.warn({ run: run.id, err: error }, 'a queued run could not be started');
    const isStarting = () => ledger.require(run.id).state === 'starting';
    if (!isStarting()) return;
    await appendFile(directories.logOf(run.id), `wtd: ${sentence}\n`, { mode: 0o600 }).catch(() => undefined);
    if (isStarting()) ledger.end(run.id, unstartableEnding(null));
  }

  isUnderWay(run: string): boolean {
    return this.#underWay.has(run);
  }

  /** Until a start of this run that is under way has come to its end, whatever that is. */
  async settled(run: string): Promise<void> {
    await this.#underWay.get(run)?.catch(() => undefined);
  }

  /**
   * The plan's worktree: the one it has, or a new one, set up in the caller's environment, when it has none or somebody
   * took it away.
   */
  async prepare(run: RunRow, undo: Disposal, environment?: Making['environment']): Promise<Prepared> {
    const { registry } = this.#parts;
    const plan = registry.plans.get(run.planId);
    const repository = plan && registry.repositories.get(plan.repositoryId);
    if (!plan || !repository) throw new Error(`run ${run.id} has no plan`);
    const present = await this.#present(plan, repository);
    const worktree = present
      ? await this.#parts.allotment.providePorts(present)
      : await this.#make({ plan, repository, environment }, undo);
    const tasks = await this.#parts.facts.progress.asKnown({ plan, repository, worktree });
    await writeContext(this.#parts.git, worktree.path, { file: plan.file, tasks });
    return { plan, repository, worktree };
  }

  async #present(plan: PlanRow, repository: RepositoryRow): Promise<WorktreeRow | undefined> {
    const { registry, removal, log } = this.#parts;
    const row = plan.worktreeId === null ? undefined : registry.worktrees.get(plan.worktreeId);
    if (row?.state !== 'in_use') return undefined;
    if (!(await isMissing(row.path))) return row;
    log.warn({ plan: plan.name, path: row.path }, 'the worktree of a plan is missing and is made again');
    await removal.finishRemoval(repository, row);
    return undefined;
  }

  async #make({ plan, repository, environment }: Making, undo: Disposal): Promise<WorktreeRow> {
    const { registry, creation, handover, git } = this.#parts;
    const { base, commit } = await requireBase(git, repository, plan.base);
    const wanted: Wanted = {
      branch: plan.branch,
      base,
      baseCommit: commit,
      kind: 'plan',
      owner: plan.name,
      environment,
      claim: (made) => {
        // A branch that was made anew has nothing of what an earlier one of its name had.
        const baseCommit = (made.branchMade ? null : plan.baseCommit) ?? made.baseCommit;
        registry.plans.update(plan.id, { worktreeId: made.id, base, baseCommit });
      },
    };
    const worktree = (await handover.take(repository, wanted)) ?? (await creation.create(repository, wanted));
    this.#parts.facts.forget(plan.id); // what was known of an earlier worktree
    undo.defer(() => creation.rollBack(repository, worktree));
    return worktree;
  }
}
