import type { WtdError } from '../../contract/errors.ts';
import type { Configuration } from '../config.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, RunRow } from '../registry/rows.ts';
import type { RepositorySettings } from '../repositories/settings.ts';
import {
  admitFromQueue,
  findObstacle,
  requiredMb,
  type Contender,
  type Obstacle,
  type Places,
} from '../runs/admission.ts';
import type { DiskSpaces } from '../runs/disk-space.ts';
import type { DiskUsage } from '../runs/disk-usage.ts';
import type { MachineCpu } from '../runs/machine-cpu.ts';
import { diskLow } from './refusals.ts';

interface Parts {
  registry: Registry;
  configuration: Configuration;
  settings: RepositorySettings;
  disks: DiskSpaces;
  diskUsage: DiskUsage;
  machineCpu: MachineCpu;
}

/** What was found out about a file system: how much is free, and which repositories lie on it. */
export interface Ground {
  path: string;
  freeMb: number;
  /** What must stay free, as the repository says. */
  reserveMb: number;
  repositories: ReadonlySet<string>;
}

/** Whether one more run may start now: by its number, by how busy the machine is, and by the space on its disk. */
export class Gate {
  readonly #parts: Parts;
  /** Queued runs that have waited for space at their last turn; those behind them need not. */
  readonly #withoutRoom = new Map<string, WtdError>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What keeps a new run of this repository from starting now, with those that wait already before it. */
  obstacle(repositoryId: string): Obstacle | undefined {
    const { registry } = this.#parts;
    const places = this.#places();
    const placed = this.#contenders(registry.runs.placed());
    const waiting = this.#contenders(registry.runs.queued());
    // Who waits for room holds back those of its repository, also new ones.
    const held = waiting.find((each) => each.repositoryId === repositoryId && this.#withoutRoom.has(each.id));
    if (held) return { limit: 'resources.min_disk_space_mb', current: waiting.length, max: 0 };
    const queued = waiting.filter(({ id }) => !this.#withoutRoom.has(id));
    return findObstacle({ id: '', repositoryId }, [...placed, ...admitFromQueue(queued, placed, places)], places);
  }

  /**
   * Calls `admit` with the queued run that may start now, if any, in the very moment that it may; answers what that
   * answers. One without room on its disk holds back those of its repository.
   */
  async admitNext<T>(admit: (run: RunRow) => T): Promise<T | undefined> {
    const { registry } = this.#parts;
    const full = new Set<string>();
    const waiting = new Set(registry.runs.queued().map(({ id }) => id));
    for (const id of this.#withoutRoom.keys()) if (!waiting.has(id)) this.#withoutRoom.delete(id);
    for (;;) {
      const first = this.#first(full);
      const run = first && registry.runs.get(first.id);
      const repository = first && registry.repositories.get(first.repositoryId);
      if (!run || !repository) return undefined;
      const refusal = this.shortage(await this.ground(repository), run.limits?.maxDiskMb ?? null);
      if (refusal) {
        this.#withoutRoom.set(run.id, refusal);
        full.add(first.repositoryId);
      } else {
        this.#withoutRoom.delete(run.id);
        if (this.#first(full)?.id === run.id) return admit(run); // much may have happened meanwhile
      }
    }
  }

  /** What a queued run waits for beside its turn. */
  warningsOf(run: string): string[] {
    const refusal = this.#withoutRoom.get(run);
    return refusal ? [`waits for space on the disk: ${refusal.message}`] : [];
  }

  /** Undefined when the machine does not tell. */
  async ground(repository: RepositoryRow): Promise<Ground | undefined> {
    const { disks, registry } = this.#parts;
    const { id, path } = repository;
    const [space, own] = await Promise.all([disks.of(path), disks.fileSystemOf(path)]);
    if (!space) return undefined;
    const repositories = new Set([id]);
    for (const repository of registry.repositories.list()) {
      if ((await disks.fileSystemOf(repository.path)) === own) repositories.add(repository.id);
    }
    return { path, freeMb: space.freeMb, reserveMb: await this.#reserveMb(repository), repositories };
  }

  /** DISK_LOW when there is no room for one more run. What cannot be told does not stand in the way. */
  shortage(ground: Ground | undefined, maxDiskMb: number | null): WtdError | undefined {
    if (!ground) return undefined;
    const { registry, diskUsage } = this.#parts;
    const isHere = ({ planId }: RunRow) => ground.repositories.has(registry.plans.get(planId)?.repositoryId ?? '');
    const promises = registry.runs
      .placed()
      .filter(isHere)
      .map(({ cwd, limits }) => ({ maxDiskMb: limits?.maxDiskMb ?? null, diskMb: diskUsage.of(cwd).megabytes }));
    const required = requiredMb({ promises, reserveMb: ground.reserveMb, ownMb: maxDiskMb ?? 0 });
    return ground.freeMb >= required ? undefined : diskLow({ ...ground, requiredMb: required });
  }

  /** A file that is not valid any more must not hold up the queue; the start of its run tells. */
  async #reserveMb(repository: RepositoryRow): Promise<number> {
    const { settings, configuration } = this.#parts;
    const said = await settings.of(repository).catch(() => undefined);
    return (said ?? configuration.current).resources.min_disk_space_mb;
  }

  #first(full: ReadonlySet<string>): Contender | undefined {
    const { registry } = this.#parts;
    const queued = this.#contenders(registry.runs.queued()).filter(({ repositoryId }) => !full.has(repositoryId));
    return admitFromQueue(queued, this.#contenders(registry.runs.placed()), this.#places())[0];
  }

  /** Runs as they contend for places: by the repository of their plan. */
  #contenders(runs: readonly RunRow[]): Contender[] {
    const { plans } = this.#parts.registry;
    return runs.map(({ id, planId }) => ({ id, repositoryId: plans.get(planId)?.repositoryId ?? '' }));
  }

  /** How many places the configuration gives. */
  #places(): Places {
    const { limits } = this.#parts.configuration.current;
    const max = limits.max_machine_cpu_percent;
    return {
      maxConcurrent: limits.max_concurrent,
      maxPerRepository: limits.max_per_repository,
      cpu: max === null ? null : { percent: this.#parts.machineCpu.percent(), max },
    };
  }
}
