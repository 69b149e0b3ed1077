import type { Registry } from '../registry/registry.ts';
import type { RunRow } from '../registry/rows.ts';
import type { Executors } from './executors.ts';
import type { Looks } from './looks.ts';
import type { RunDirectories } from './run-directory.ts';
import type { TreeRoots } from './tree.ts';

interface Parts {
  registry: Registry;
  executors: Executors;
  directories: RunDirectories;
  looks: Looks;
  bootId: string;
}

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

/** The same for whoever means to signal it: with what the kernel keeps together, and knowing the other runs. */
export class Roots {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async of(run: RunRow): Promise<TreeRoots> {
    const { registry, executors, directories, looks, bootId } = this.#parts;
    const directory = await directories.lastTry(run.id);
    const executor = await executors.startedIn(directory);
    const others = registry.runs.placed().filter(({ id }) => id !== run.id);
    return {
      ...rootsOf(run, bootId),
      look: () => looks.next(),
      others: others.flatMap((other) => rootsOf(other, bootId).parent ?? []),
      hold: {
        members: () => executor.members(directory),
        freeze: (isFrozen) => executor.freeze(directory, isFrozen),
      },
    };
  }
}
