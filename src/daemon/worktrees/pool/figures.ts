import type { LeaseRow, WorktreeRow } from '../../registry/rows.ts';
import { isSetUp } from './ready.ts';

/** How well a pool served, from its latest leases, and how it stands. */
export interface PoolFigures {
  total: number;
  available: number;
  named: number;
  created: number;
  reused: number;
  hitPercent: number | null;
  p50AcquireMs: number | null;
}

/** `rows` are the worktrees of the pool, `leases` the latest ones, ended or not. Pure. */
export function poolFigures(rows: readonly WorktreeRow[], leases: readonly LeaseRow[]): PoolFigures {
  const countRows = (is: (row: WorktreeRow) => boolean) => rows.filter(is).length;
  const countLeases = (...sources: LeaseRow['source'][]) =>
    leases.filter(({ source }) => sources.includes(source)).length;
  const isReady = (row: WorktreeRow) => row.state === 'available' && isSetUp(row);
  const hits = countLeases('pool', 'reused', 'named');
  return {
    total: rows.length,
    available: countRows((row) => isReady(row) && row.kind === 'pool'),
    named: countRows(({ kind }) => kind === 'named'),
    // One that was made ahead of time is told by its first lease, or by never having had one.
    created: countLeases('new', 'pool') + countRows((row) => isReady(row) && row.useCount === 0),
    reused: countLeases('reused', 'named'),
    hitPercent: leases.length === 0 ? null : Math.round((hits / leases.length) * 1000) / 10,
    p50AcquireMs: median(leases.map(({ durationMs }) => durationMs)),
  };
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  return middle === undefined ? null : Math.round(middle * 1000) / 1000;
}
