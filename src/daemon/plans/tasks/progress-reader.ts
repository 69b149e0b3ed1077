import { isDeepStrictEqual } from 'node:util';
import type { Progress, TaskReport } from '../../../contract/models.ts';
import type { Registry } from '../../registry/registry.ts';
import type { KeptProgress, PlanRow } from '../../registry/rows.ts';
import { isPassingTrouble } from '../../registry/trouble.ts';
import { progressOf } from './progress.ts';
import { TaskFiles, type About, type FoundInFiles } from './task-files.ts';
import { allOf, judgeTasks, type JudgedTask, type JudgedTasks } from './tasks.ts';

interface Judged {
  found: FoundInFiles;
  reported: readonly TaskReport[];
}

/** Knows how far plans are. What it finds out is written down, and only when it changed. */
export class ProgressReader {
  readonly #registry: Registry;
  readonly #files = new TaskFiles();
  /** Of what the progress that is written down was made. */
  readonly #judged = new Map<string, Judged>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** How far it was when somebody last looked. */
  of(plan: string): Progress | null {
    const kept = this.#registry.plans.get(plan)?.progress ?? null;
    return kept && withoutTold(kept);
  }

  /** What is wrong with the files that tell of it. */
  warningsOf(plan: string): string[] {
    return this.#files.of(plan)?.warnings ?? [];
  }

  /** Looks at the files. What was known of a worktree that is gone stays known. */
  async refresh(about: About): Promise<void> {
    const found = await this.#files.read(about);
    const plan = this.#registry.plans.get(about.plan.id);
    if (!plan || (!found.isWhole && plan.progress !== null)) return;
    const judged = this.#judged.get(plan.id);
    if (judged?.found === found && judged.reported === plan.reported) return;
    const progress = keptProgress(judge(plan, found));
    if (!isDeepStrictEqual(progress, plan.progress) && !this.#keep(plan, progress)) return;
    // Read again: what a write leaves behind is another value.
    this.#judged.set(plan.id, { found, reported: this.#registry.plans.get(plan.id)?.reported ?? [] });
  }

  /** A full disk is no reason to show nothing; the next look tries again. */
  #keep({ id }: PlanRow, progress: KeptProgress | null): boolean {
    try {
      this.#registry.change(() => {
        this.#registry.plans.update(id, { progress });
      });
      return true;
    } catch (error) {
      if (!isPassingTrouble(error)) throw error;
      return false;
    }
  }

  /** What a worktree that is made for it finds noted: also what an earlier one told. */
  async asKnown(about: About): Promise<TaskReport[]> {
    const { file, noted } = await this.#files.read(about);
    const { progress, reported } = this.#registry.plans.get(about.plan.id) ?? about.plan;
    return allOf(judgeTasks({ file, noted: noted ?? progress?.told ?? [], reported })).map(reportOf);
  }

  /** The tasks as they are now, and whether there is a plan file that says which there are. */
  async read(about: About): Promise<{ tasks: JudgedTasks; hasFile: boolean }> {
    const found = await this.#files.read(about);
    const plan = this.#registry.plans.get(about.plan.id) ?? about.plan;
    return { tasks: judge(plan, found), hasFile: found.file !== null };
  }

  /** What the row says once `reported` is in it. */
  progressWith(plan: PlanRow, reported: TaskReport[]): KeptProgress | null {
    const found = this.#files.of(plan.id);
    return found ? keptProgress(judge({ ...plan, reported }, found)) : plan.progress;
  }

  forget(plan: string): void {
    this.#files.forget(plan);
    this.#judged.delete(plan);
  }
}

/** Where the file that a run notes its tasks in is not there, what was last known of them stands for it. */
const judge = ({ reported, progress }: PlanRow, { file, noted, isWhole }: FoundInFiles): JudgedTasks =>
  judgeTasks({ file, noted: noted ?? (isWhole ? [] : (progress?.told ?? [])), reported });

const reportOf = ({ id, status, note }: JudgedTask): TaskReport => ({ id, status, note });

const withoutTold = ({ currentPhase, phases, ...kept }: KeptProgress): Progress => {
  const { total, completed, inProgress, failed, skipped, percent } = kept;
  return { total, completed, inProgress, failed, skipped, percent, currentPhase, phases };
};

function keptProgress(tasks: JudgedTasks): KeptProgress | null {
  const progress = progressOf(tasks);
  // A note that was reported is written down there.
  const told = allOf(tasks).map((task) => ({ ...reportOf(task), note: task.source === 'status' ? task.note : null }));
  return progress && { ...progress, told };
}
