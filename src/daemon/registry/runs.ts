import type { RunRow } from './rows.ts';
import { Table, type Store } from './table.ts';

const active = "state IN ('queued', 'starting', 'running', 'paused', 'stopping')";
/** Those that take a place: active but not waiting for one. */
const placed = "state IN ('starting', 'running', 'paused', 'stopping')";

/** The table of runs: the orchestrator registry. In order means in order of their writing, whatever the clock said. */
export class RunRows extends Table<RunRow> {
  readonly #touched: Store['touched'];

  constructor(store: Store) {
    super(store, 'runs', { command: 'json', peak: 'json', limits: 'json', stopForce: 'boolean' });
    this.#touched = store.touched;
  }

  override insert(row: RunRow): void {
    super.insert(row);
    this.#touched.written.add(row.id);
  }

  override update(id: string, changes: Partial<Omit<RunRow, 'id'>>): void {
    super.update(id, changes);
    this.#touched.written.add(id);
  }

  override delete(id: string): void {
    super.delete(id);
    this.#touched.deleted.add(id);
  }

  activeOf(planId: string): RunRow | undefined {
    return this.first(`WHERE plan_id = ? AND ${active}`, planId);
  }

  latestOf(planId: string): RunRow | undefined {
    return this.first('WHERE plan_id = ? ORDER BY attempt DESC', planId);
  }

  active(): RunRow[] {
    return this.all(`WHERE ${active} ORDER BY rowid`);
  }

  placed(): RunRow[] {
    return this.all(`WHERE ${placed} ORDER BY started_at, rowid`);
  }

  countPlaced(): number {
    return this.count(`WHERE ${placed}`);
  }

  countQueued(): number {
    return this.count("WHERE state = 'queued'");
  }

  queued(): RunRow[] {
    return this.all("WHERE state = 'queued' ORDER BY rowid");
  }

  /** The newest first. */
  list(filter: { planIds: readonly string[]; active?: boolean | undefined; limit: number }): RunRow[] {
    const state = filter.active === undefined ? '' : `AND ${filter.active ? '' : 'NOT '}${active}`;
    return this.search(
      `WHERE plan_id IN (SELECT value FROM json_each(?)) ${state} ORDER BY rowid DESC LIMIT ?`,
      JSON.stringify(filter.planIds),
      filter.limit,
    );
  }

  ofPlan(planId: string): RunRow[] {
    return this.all('WHERE plan_id = ?', planId);
  }

  /** Ended before a time, except the last one of each plan, which its state is derived from. */
  endedBefore(time: number, limit: number): RunRow[] {
    return this.search(
      `WHERE ended_at < ? AND attempt < (SELECT last_attempt FROM plans WHERE plans.id = plan_id) LIMIT ?`,
      time,
      limit,
    );
  }
}
