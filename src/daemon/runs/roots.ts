import type { RunRow } from '../registry/rows.ts';
import type { TreeRoots } from './tree.ts';

/** Where a run's process tree is found. After a reboot nothing of it is left, whatever has its pids now. */
export function rootsOf(run: RunRow, bootId: string): TreeRoots {
  const known = (pid: number | null, start: string | null) =>
    pid === null || start === null || run.bootId !== bootId ? null : { pid, start };
  return {
    run: run.id,
    parent: known(run.parentPid, run.parentStart),
    child: known(run.pid, run.processStart),
  };
}
