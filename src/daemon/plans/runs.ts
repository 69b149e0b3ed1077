import type { Run } from '../../contract/models.ts';
import type { Registry } from '../registry/registry.ts';
import type { RunRow } from '../registry/rows.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import type { RunLedger } from '../runs/ledger.ts';
import type { RunModels } from '../runs/run-model.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  ledger: RunLedger;
  models: RunModels;
}

const usualLimit = 100;

/** The runs of all plans, as callers see them. */
export class Runs {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  modelOf(run: RunRow): Run {
    return this.#parts.models.of(run);
  }

  show(id: string): Run {
    return this.modelOf(this.#parts.ledger.require(id));
  }

  /** The newest first; without a repository, those of all. */
  async list(
    wanted: Address & { plan?: string | undefined; active?: boolean | undefined; limit?: number | undefined },
  ): Promise<Run[]> {
    const { registry, repositories } = this.#parts;
    const repository = await repositories.findForList(wanted);
    const plans = repository ? registry.plans.of(repository.id) : registry.plans.list();
    const planIds = plans.filter(({ name }) => wanted.plan === undefined || name === wanted.plan).map(({ id }) => id);
    return registry.runs
      .list({ planIds, active: wanted.active, limit: wanted.limit ?? usualLimit })
      .map((run) => this.modelOf(run));
  }

  async untilEnded(run: RunRow, options: { timeoutMs?: number | undefined; signal: AbortSignal }): Promise<Run> {
    return this.modelOf(await this.#parts.ledger.untilEnded(run.id, options));
  }
}
