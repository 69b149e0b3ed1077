import type { RunRow } from '../registry/rows.ts';
import type { TreeRoots } from './tree.ts';

/** Where a run's process tree is found. */
export const rootsOf = (run: RunRow): TreeRoots => ({
  run: run.id,
  parent: known(run.parentPid, run.parentStart),
  child: known(run.pid, run.processStart),
});

const known = (pid: number | null, start: string | null) => (pid === null || start === null ? null : { pid, start });
