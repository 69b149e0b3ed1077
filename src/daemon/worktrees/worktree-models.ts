import type { Clock } from '../../base/clock.ts';
import type { Worktree } from '../../contract/models.ts';
import type { Registry } from '../registry/registry.ts';
import type { WorktreeRow } from '../registry/rows.ts';
import { conditionsOf } from './conditions.ts';
import type { WorktreeFacts } from './facts.ts';
import { lastUseOf } from './users.ts';
import { toWorktree } from './worktree-model.ts';

interface Parts {
  registry: Registry;
  worktreeFacts: WorktreeFacts;
  clock: Clock;
  /** Unused for longer than this is stale. */
  staleMs: () => number;
  /** As it was last measured, of a worktree's id; null: it was not. */
  diskMbOf: (worktree: string) => number | null;
}

/** Rows of worktrees as the contract shows them, from what is known right now. */
export class WorktreeModels {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  of(row: WorktreeRow): Worktree {
    const { registry, diskMbOf } = this.#parts;
    return toWorktree(row, {
      repository: registry.repositories.get(row.repositoryId)?.name ?? '',
      plan: registry.plans.byWorktree(row.id)?.name ?? null,
      conditions: this.#conditionsOf(row),
      lease: registry.leases.ofWorktree(row.id),
      diskMb: diskMbOf(row.id),
    });
  }

  /** One that only git knows. */
  ofUnowned(row: WorktreeRow): Worktree {
    return { ...this.of(row), owned: false };
  }

  #conditionsOf(row: WorktreeRow): Worktree['conditions'] {
    const { registry, worktreeFacts, clock, staleMs } = this.#parts;
    if (row.state === 'removed') return [];
    const now = clock.now();
    const unusedMs = now - lastUseOf(registry, row, now);
    return conditionsOf(worktreeFacts.of(row.id), { unusedMs, staleMs: staleMs() });
  }
}
