import type { PlanRow } from './rows.ts';
import type { RunRows } from './runs.ts';
import { Table, type Store } from './table.ts';

/** The table of plans. */
export class PlanRows extends Table<PlanRow> {
  readonly #runs: RunRows;

  constructor(store: Store, runs: RunRows) {
    super(store, 'plans', {
      command: 'json',
      dependsOn: 'json',
      limits: 'json',
      reported: 'json',
      progress: 'json',
      intent: 'json',
      outcome: 'json',
    });
    this.#runs = runs;
  }

  /** Its runs go with it. */
  override delete(id: string): void {
    for (const run of this.#runs.ofPlan(id)) this.#runs.delete(run.id);
    super.delete(id);
  }

  list(): PlanRow[] {
    return this.all('ORDER BY created_at, name');
  }

  of(repositoryId: string): PlanRow[] {
    return this.all('WHERE repository_id = ? ORDER BY created_at, name', repositoryId);
  }

  byName(repositoryId: string, name: string): PlanRow | undefined {
    return this.first('WHERE repository_id = ? AND name = ?', repositoryId, name);
  }

  byWorktree(worktreeId: string): PlanRow | undefined {
    return this.first('WHERE worktree_id = ?', worktreeId);
  }
}
