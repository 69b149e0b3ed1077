import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../../contract/models.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import { parsePlanFile } from './plan-file.ts';
import { progressOf } from './progress.ts';

/** A larger file is no plan. */
const mostBytes = 1_000_000;

interface About {
  plan: PlanRow;
  repository: RepositoryRow;
  worktree: WorktreeRow | undefined;
}

/** Reads plan files again only when they changed. */
export class ProgressReader {
  readonly #known = new Map<string, { version: string; progress: Progress | null }>();

  /** What was last read. */
  of(plan: string): Progress | null {
    return this.#known.get(plan)?.progress ?? null;
  }

  /** The worktree's copy is the one the run ticks off; without it, that of the checkout. What was read stays known. */
  async refresh({ plan, repository, worktree }: About): Promise<void> {
    if (plan.file === null) return;
    for (const root of [worktree?.path, repository.path]) {
      if (root !== undefined && (await this.#read(plan.id, join(root, plan.file)))) return;
    }
  }

  forget(plan: string): void {
    this.#known.delete(plan);
  }

  async #read(plan: string, file: string): Promise<boolean> {
    try {
      const { mtimeMs, size } = await stat(file);
      const version = `${file} ${mtimeMs} ${size}`;
      if (this.#known.get(plan)?.version === version) return true;
      const progress = size > mostBytes ? null : progressOf(parsePlanFile(await readFile(file, 'utf8')));
      this.#known.set(plan, { version, progress });
      return true;
    } catch {
      return false;
    }
  }
}
