import type { Result } from '../../contract/index.ts';
import type { Registry } from '../registry/registry.ts';
import { findListeners } from '../worktrees/listeners.ts';
import { portsOf } from '../worktrees/ports.ts';

type Range = Result<'port.list'>['ranges'][number];

/** The port ranges of worktrees and who listens in them. */
export class PortList {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** The lowest first. */
  async ranges(): Promise<Range[]> {
    const { repositories, worktrees, plans } = this.#registry;
    const leased = worktrees.live().flatMap((row) => {
      const ports = portsOf(row);
      return ports ? [{ row, ...ports }] : [];
    });
    const listeners = await findListeners(leased);
    return leased
      .sort((a, b) => a.start - b.start)
      .map(({ row, start, end }) => ({
        start,
        end,
        worktree: row.id,
        name: row.name,
        repository: repositories.get(row.repositoryId)?.name ?? '',
        plan: plans.byWorktree(row.id)?.name ?? null,
        path: row.path,
        listening: listeners.filter(({ port }) => port >= start && port <= end),
      }));
  }
}
