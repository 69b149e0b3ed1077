import type { ConflictingFile } from '../../../contract/conflict.ts';
import type { EventRow } from '../../registry/events.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../../registry/rows.ts';
import { isActive } from '../../runs/machine.ts';

/** Two plans whose branches cannot be merged as they are. */
export interface Collision {
  plans: readonly [PlanRow, PlanRow];
  files: readonly ConflictingFile[];
  severity: string | null;
}

interface Kept {
  /** Ids of the two. */
  plans: readonly [string, string];
  paths: readonly string[];
}

interface News {
  begun: readonly Collision[];
  ended: readonly (readonly [key: string, names: readonly [string, string]])[];
}

/** An event names at most so many files, a warning fewer. */
const mostTold = 100;
const mostShown = 3;
/** What is read of the journal to know what was told already. */
const mostRead = 1000;

const found = 'conflict.found';
const resolved = 'conflict.resolved';

/** Which plans collide, as it was last found out; tells once when two that run begin to, and when they no longer do. */
export class Collisions {
  readonly #registry: Registry;
  readonly #kept = new Map<string, readonly Kept[]>();
  /** Those that were told of, by repository and the ids of the two: their names. */
  readonly #told = new Map<string, Map<string, [string, string]>>();

  constructor({ registry }: { registry: Registry }) {
    this.#registry = registry;
  }

  /** Takes over what was just found out of all plans of a repository. */
  take(repository: RepositoryRow, collisions: readonly Collision[]): void {
    const told = this.#toldOf(repository);
    const now = new Map(collisions.map((collision) => [keyOf(idsOf(collision)), collision]));
    const begun = [...now].filter(([key, { plans }]) => !told.has(key) && plans.every(({ id }) => this.#runs(id)));
    const ended = [...told].filter(([key]) => !now.has(key));
    if (begun.length > 0 || ended.length > 0) this.#tell(repository, { begun: begun.map(([, one]) => one), ended });
    for (const [key, { plans }] of begun) told.set(key, [plans[0].name, plans[1].name]);
    for (const [key] of ended) told.delete(key);
    const kept = collisions.map((each) => ({ plans: idsOf(each), paths: each.files.map(({ path }) => path) }));
    this.#kept.set(repository.id, kept);
  }

  /** Names of the plans that this one collides with. */
  with({ id, repositoryId }: PlanRow): string[] {
    return this.#of(id, repositoryId).map(({ name }) => name);
  }

  /** What people should see of those that collided while both ran. */
  warningsOf({ id, repositoryId }: PlanRow): string[] {
    const told = this.#told.get(repositoryId);
    const met = this.#of(id, repositoryId).filter((other) => told?.has(keyOf([id, other.id])));
    return met.map(({ name, paths }) => `collides with plan ${name}${describeFiles(paths)}; see \`wtd conflicts\``);
  }

  isAny(repository: string): boolean {
    return (this.#kept.get(repository) ?? []).length > 0;
  }

  #of(id: string, repository: string) {
    const own = (this.#kept.get(repository) ?? []).filter(({ plans }) => plans.includes(id));
    return own.flatMap(({ plans, paths }) => {
      const other = this.#registry.plans.get(plans[0] === id ? plans[1] : plans[0]);
      return other ? [{ id: other.id, name: other.name, paths }] : [];
    });
  }

  #runs(plan: string): boolean {
    const run = this.#registry.runs.latestOf(plan);
    return run !== undefined && run.state !== 'queued' && isActive(run.state);
  }

  #tell({ name: repository }: RepositoryRow, news: News): void {
    this.#registry.change((tell) => {
      for (const { plans, files, severity } of news.begun) {
        const [plan, other] = plans;
        const data = { with: other.name, files: files.slice(0, mostTold), severity, plans: [plan.id, other.id] };
        tell({ type: found, repository, plan: plan.name, data });
      }
      for (const [key, [plan, other]] of news.ended) {
        tell({ type: resolved, repository, plan, data: { with: other, plans: key.split(' ') } });
      }
    });
  }

  /** Another daemon may have told it before. */
  #toldOf({ id, name }: RepositoryRow): Map<string, [string, string]> {
    const known = this.#told.get(id);
    if (known) return known;
    const told = new Map<string, [string, string]>();
    const events = this.#registry.events.last({ limit: mostRead, types: [found, resolved] });
    for (const event of events.filter(({ repository }) => repository === name)) {
      const key = keyOf(plansOf(event));
      if (event.type === found) told.set(key, [event.plan ?? '', String(event.data['with'])]);
      else told.delete(key);
    }
    this.#told.set(id, told);
    return told;
  }
}

const idsOf = ({ plans: [one, other] }: Collision): [string, string] => [one.id, other.id];

const keyOf = (plans: readonly string[]): string => [...plans].sort().join(' ');

const plansOf = ({ data }: EventRow): string[] => (Array.isArray(data['plans']) ? data['plans'].map(String) : []);

function describeFiles(paths: readonly string[]): string {
  if (paths.length === 0) return '';
  const more = paths.length > mostShown ? ` and ${paths.length - mostShown} more` : '';
  return ` in ${paths.slice(0, mostShown).join(', ')}${more}`;
}
