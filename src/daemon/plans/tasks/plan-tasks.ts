import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../base/clock.ts';
import { WtdError } from '../../../contract/errors.ts';
import type { Plan, Task, TaskReport, TaskStatus } from '../../../contract/models.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow } from '../../registry/rows.ts';
import type { Address, Repositories } from '../../repositories/repositories.ts';
import type { PlanFactsReader } from '../plan-facts.ts';
import { requirePlan } from '../plan-location.ts';
import type { PlanModels } from '../plan-model.ts';
import type { About } from './task-files.ts';
import { allOf, findRepeatedIds, findWrongDependencies, isDone, type JudgedTask } from './tasks.ts';
import { worktreeOf } from '../plan-worktree.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  facts: PlanFactsReader;
  planModels: PlanModels;
  clock: Clock;
}

interface Report {
  id: string;
  status: TaskStatus;
  note?: string | null | undefined;
}

/** Of a plan without a plan file, which would say how many there can be. */
const mostWithoutFile = 1000;

/** The tasks of plans, one by one. */
export class PlanTasks {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async list(address: Address & { plan: string }): Promise<{ tasks: Task[]; warnings: string[] }> {
    const about = await this.#require(address);
    const { progress } = this.#parts.facts;
    const { loose, phases } = (await progress.read(about)).tasks;
    const titled = [{ title: null, tasks: loose }, ...phases];
    const all = titled.flatMap((phase) => phase.tasks);
    const done = new Set(all.filter(isDone).map(({ id }) => id));
    const tasks = titled.flatMap(({ title, tasks: ofPhase }) => ofPhase.map((task) => describe(task, title, done)));
    const wrong = [...findRepeatedIds(all), ...findWrongDependencies(all)];
    return { tasks, warnings: [...progress.warningsOf(about.plan.id), ...wrong] };
  }

  /** Throws INVALID_PARAMS for a task that the plan file does not have; then nothing is written. */
  async report(address: Address & { plan: string }, given: readonly Report[]): Promise<Plan> {
    const about = await this.#require(address);
    const { facts, planModels } = this.#parts;
    const { tasks, hasFile } = await facts.progress.read(about);
    const known = hasFile ? new Set(allOf(tasks).map(({ id }) => id)) : undefined;
    if (known) requireKnown(about.plan, given, known);
    this.#write(about, given, known);
    await facts.refresh([about.plan], 0);
    return planModels.of(this.#parts.registry.plans.get(about.plan.id) ?? about.plan);
  }

  /** What was reported of tasks that the plan file has no more goes with the next report. */
  #write({ plan: { id }, repository }: About, given: readonly Report[], known: ReadonlySet<string> | undefined): void {
    const { registry, facts, clock } = this.#parts;
    const plan = registry.plans.get(id);
    if (!plan) return;
    const before = new Map(plan.reported.map((report) => [report.id, report]));
    const after = new Map([...before].filter(([task]) => known?.has(task) ?? true));
    for (const report of given) after.set(report.id, { ...report, note: report.note ?? null });
    if (!known && after.size > mostWithoutFile) throw tooMany(plan);
    const changed = [...after.values()].filter((report) => !isDeepStrictEqual(before.get(report.id), report));
    if (changed.length === 0) return;
    const reported: TaskReport[] = [...after.values()];
    const progress = facts.progress.progressWith(plan, reported);
    registry.change((tell) => {
      registry.plans.update(id, { reported, progress, lastActivityAt: clock.now() });
      const tasks = changed.map(({ id: task, status }) => ({ id: task, status }));
      const { completed = 0, total = 0 } = progress ?? {};
      const data = { tasks, completed, total };
      tell({ type: 'plan.progress', repository: repository.name, plan: plan.name, data });
    });
  }

  async #require(address: Address & { plan: string }): Promise<About> {
    const { registry, repositories } = this.#parts;
    const repository = await repositories.resolve(address);
    const plan = requirePlan(registry, repository, address.plan);
    return { plan, repository, worktree: worktreeOf(registry, plan) };
  }
}

function describe(task: JudgedTask, phase: string | null, done: ReadonlySet<string>): Task {
  const { id, text, status, source, note, depends } = task;
  const blockedBy = depends.filter((each) => !done.has(each));
  return { id, text, phase, status, source, note, depends, blockedBy };
}

function requireKnown(plan: PlanRow, given: readonly Report[], known: ReadonlySet<string>): void {
  const issues = given.flatMap(({ id }, place) =>
    known.has(id) ? [] : [{ path: `tasks.${place}.id`, message: `there is no task ${id} in ${plan.file ?? ''}` }],
  );
  if (issues.length === 0) return;
  throw new WtdError('INVALID_PARAMS', issues.map(({ path, message }) => `${path}: ${message}`).join('; '), {
    hint: `see the tasks with \`wtd plan tasks ${plan.name}\``,
    issues,
  });
}

const tooMany = (plan: PlanRow): WtdError =>
  new WtdError('INVALID_PARAMS', `tasks: of a plan without a plan file at most ${mostWithoutFile} can be reported`, {
    hint: `give it one with \`wtd start ${plan.name} --file <path>\``,
    issues: [{ path: 'tasks', message: `at most ${mostWithoutFile} of a plan` }],
  });
