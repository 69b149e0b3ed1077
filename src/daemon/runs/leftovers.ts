import type { Registry } from '../registry/registry.ts';
import { listMarked } from './marked.ts';
import type { Roots } from './roots.ts';
import { terminateTree } from './terminate.ts';

/** Between TERM and KILL for what a run left behind. */
const graceMs = 2000;

/** Ends what ended runs left alive on purpose, once the place where it works is to go. */
export class Leftovers {
  readonly #parts: { registry: Registry; roots: Roots; socket: string };

  constructor(parts: { registry: Registry; roots: Roots; socket: string }) {
    this.#parts = parts;
  }

  /** Only what a supervised run of this worktree started: its process groups, and no stranger's. */
  async endIn(worktree: string): Promise<void> {
    const { registry, roots, socket } = this.#parts;
    const marked = new Set((await listMarked(socket)).map(({ run }) => run));
    for (const id of marked) {
      const run = registry.runs.get(id);
      if (run?.worktreeId !== worktree || run.kind !== 'supervised' || run.endedAt === null) continue;
      await terminateTree(await roots.of(run), { graceMs });
    }
  }
}
