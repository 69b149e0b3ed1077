import { setTimeout as sleep } from 'node:timers/promises';
import type { Plan } from '../../contract/models.ts';
import type { Picture } from '../../contract/status.ts';
import type { Configuration } from '../config.ts';
import type { PlanFactsReader } from '../plans/plan-facts.ts';
import type { PlanModels } from '../plans/plan-model.ts';
import { percentOf } from '../plans/tasks/progress.ts';
import type { Registry } from '../registry/registry.ts';
import type { Address, Repositories } from '../repositories/repositories.ts';
import type { DaemonStatus } from './daemon-status.ts';
import type { Machine } from './machine.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  planModels: PlanModels;
  facts: PlanFactsReader;
  daemonStatus: DaemonStatus;
  machine: Machine;
  configuration: Configuration;
  /** What else people should look at. */
  moreWarnings: () => string[];
}

type Wanted = Address & { allPlans?: boolean | undefined };

/** What git says may be this old in a picture. */
const factsMaxAgeMs = 2000;
/** Nobody waits longer for git; what came too late is in the next picture. */
const factsPatienceMs = 300;
/** How often a watched picture is drawn anew, for what tells of no change: usage, files in worktrees. */
const redrawMs = 2000;

/** The whole picture. */
export class Status {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async get(wanted: Wanted): Promise<Picture> {
    const { registry, configuration, daemonStatus, machine, moreWarnings } = this.#parts;
    const plans = await this.#plans(wanted);
    const running = registry.runs.countPlaced();
    const queued = registry.runs.countQueued();
    const described = await machine.describe();
    return {
      daemon: daemonStatus.describe(),
      limits: { maxConcurrent: configuration.current.limits.max_concurrent, running, queued },
      machine: described,
      plans,
      worktrees: this.#worktrees(),
      aggregate: aggregate(plans),
      warnings: [...lossOf(registry), ...warnings(plans, described.disk), ...moreWarnings()],
    };
  }

  /** The picture at once, then whenever something in it changed. */
  async *watch(wanted: Wanted, { signal, live }: { signal: AbortSignal; live: () => void }): AsyncGenerator<Picture> {
    let wake = new AbortController();
    using _listening = this.#parts.registry.onEvent(() => {
      wake.abort();
    });
    let last = '';
    live();
    while (!signal.aborted) {
      wake = new AbortController();
      const picture = await this.get(wanted);
      const seen = JSON.stringify({ ...picture, daemon: undefined, machine: undefined });
      if (seen !== last) yield picture;
      last = seen;
      const woken = AbortSignal.any([signal, wake.signal]);
      await sleep(redrawMs, undefined, { signal: woken, ref: false }).catch(() => undefined);
    }
  }

  async #plans(wanted: Wanted): Promise<Plan[]> {
    const { registry, repositories, facts, planModels } = this.#parts;
    const repository = wanted.allPlans ? undefined : await repositories.findForList(wanted);
    const rows = repository ? registry.plans.of(repository.id) : registry.plans.list();
    await Promise.race([facts.refresh(rows, factsMaxAgeMs), sleep(factsPatienceMs, undefined, { ref: false })]);
    const plans = rows.map((row) => planModels.of(row));
    return wanted.allPlans ? plans : plans.filter(({ state }) => state !== 'completed' && state !== 'abandoned');
  }

  #worktrees(): Picture['worktrees'] {
    const rows = this.#parts.registry.worktrees.live();
    const count = (is: (row: (typeof rows)[number]) => boolean) => rows.filter(is).length;
    return {
      total: rows.length,
      inUse: count(({ state }) => state === 'in_use'),
      available: count(({ state }) => state === 'available'),
      named: count(({ kind }) => kind === 'named'),
      failed: count(({ state }) => state === 'failed'),
    };
  }
}

function aggregate(plans: readonly Plan[]): Picture['aggregate'] {
  const tasks = { total: 0, completed: 0, inProgress: 0, failed: 0, skipped: 0 };
  for (const { progress } of plans) {
    if (progress === null) continue;
    for (const key of Object.keys(tasks) as (keyof typeof tasks)[]) tasks[key] += progress[key];
  }
  return {
    plans: plans.length,
    running: plans.filter(({ state }) => ['starting', 'running', 'paused', 'stopping'].includes(state)).length,
    queued: plans.filter(({ state }) => state === 'queued').length,
    tasks,
    percent: percentOf(tasks),
  };
}

function lossOf({ loss, trouble }: Registry): string[] {
  if (trouble !== null) return [`${trouble}; what changes from now on may be lost`];
  if (loss === null) return [];
  const kept = loss.keptAs === null ? '' : `; what was left of it is ${loss.keptAs}`;
  return [`the database was lost (${loss.cause}) and rebuilt, without plans that had never run${kept}`];
}

function warnings(plans: readonly Plan[], disk: Picture['machine']['disk']): string[] {
  const found = plans.flatMap(({ name, warnings: own }) => own.map((warning) => `${name}: ${warning}`));
  if (disk.state === 'low' || disk.state === 'critical') {
    found.push(`disk space is ${disk.state}: ${disk.freeMb ?? 0} MB free at ${disk.path}`);
  }
  return found;
}
