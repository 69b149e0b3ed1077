import { WtdError } from '../../contract/errors.ts';
import { newId } from '../../base/id.ts';
import type { Clock } from '../../base/clock.ts';
import type { Git } from '../git/git.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import { findMergeBase, listWorktrees } from '../git/questions.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow, RunRow, WorktreeRow } from '../registry/rows.ts';
import type { Executors } from '../runs/executors.ts';
import { liveness } from '../runs/identity.ts';
import { endingOf, isActive, vanishedEnding } from '../runs/machine.ts';
import type { RunDirectories } from '../runs/run-directory.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { planOfLock } from '../worktrees/naming.ts';
import { portsOf } from '../worktrees/worktrees.ts';
import type { Restorer } from './restorer.ts';
import { parseDescription, type Description } from './description.ts';

/** A journal that takes the place of a lost one begins at the next multiple, so that no number is given twice. */
const eventStride = 1_000_000;

interface Parts {
  registry: Registry;
  git: Git;
  executors: Executors;
  directories: RunDirectories;
  bootId: string;
  home: string;
  clock: Clock;
  log: Logger;
}

/** A run's directory, what it tells, and of its worktree only what git confirms. */
interface Found extends Description {
  /** How an older run ended that was active when it was last written down. */
  ended: Partial<RunRow>;
}

/** Writes rows again that the registry lost, from the directories of runs and from git. */
export class Restore implements Restorer {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Rebuilds a registry that knows nothing although there are records of runs.
   * Throws INVALID_STATE when a process lives whose record cannot be read: its plan could be started twice.
   */
  async afterLoss(): Promise<void> {
    const { registry, directories, log } = this.#parts;
    const ids = await directories.list();
    if (registry.repositories.count() > 0 || ids.length === 0) return;
    const looks = await Promise.all(ids.map(async (id) => ({ id, found: await this.#look(id) })));
    const found = looks.flatMap((look) => (typeof look.found === 'string' ? [] : look.found));
    const unreadable = looks.filter((look) => look.found === 'unreadable').map(({ id }) => id);
    for (const id of unreadable) await this.#refuseIfAlive(id);
    const newestEvent = Math.max(0, ...found.map((each) => each.newestEvent));
    registry.events.beginAfter(Math.ceil((newestEvent + 1) / eventStride) * eventStride);
    registry.change((tell) => {
      this.#write(found);
      const counts = { runs: found.length, plans: registry.plans.count(), worktrees: registry.worktrees.countLive() };
      const data = { ...(registry.loss ?? { cause: 'it was empty', keptAs: null }), ...counts, unreadable };
      tell({ type: 'registry.rebuilt', data });
      log.warn(data, 'the registry was lost and is rebuilt');
    });
    for (const repository of registry.repositories.list()) await this.#restoreWorktrees(repository);
    for (const look of looks) if (look.found === 'stray') await directories.remove(look.id);
  }

  async removeIfStray(id: string): Promise<void> {
    if ((await this.#look(id)) === 'stray') await this.#parts.directories.remove(id);
  }

  /** `stray`: nothing ever ran there, or it was to be forgotten; the directory is removed. */
  async restoreRun(id: string): Promise<'restored' | 'stray' | 'unreadable'> {
    const { registry, directories } = this.#parts;
    if (registry.runs.get(id)) return 'restored';
    const found = await this.#look(id);
    if (found === 'stray') await directories.remove(id);
    if (typeof found === 'string') return found;
    registry.change(() => {
      this.#write([found]);
    });
    return 'restored';
  }

  /** Gives a worktree that git knows as a plan's its rows again. Answers false when that cannot be. */
  async restoreWorktree(repository: RepositoryRow, listed: ListedWorktree): Promise<boolean> {
    const { registry, git, clock } = this.#parts;
    const { path, branch, head, prunable } = listed;
    const name = planOfLock(listed.lockReason, this.#parts.home);
    if (name === undefined || branch === null || head === null || prunable || registry.worktrees.byPath(path)) {
      return false;
    }
    const known = registry.plans.byName(repository.id, name);
    if (known && (known.worktreeId !== null || known.branch !== branch)) return false;
    const base = repository.defaultBranch;
    const baseCommit =
      (base === null ? undefined : await findMergeBase(git, repository.commonDir, [branch, base])) ?? head;
    const now = clock.now();
    const worktree = restoredWorktree({
      id: newId(),
      repositoryId: repository.id,
      branch,
      base,
      baseCommit,
      path,
      now,
    });
    registry.change((tell) => {
      registry.worktrees.insert(worktree);
      if (known)
        registry.plans.update(known.id, { worktreeId: worktree.id, baseCommit: known.baseCommit ?? baseCommit });
      else {
        registry.plans.insert(restoredPlan({ name, worktree, base, now }));
        tell({ type: 'plan.created', repository: repository.name, plan: name, data: { branch } });
      }
      const data = { path, branch, ports: null };
      tell({ type: 'worktree.created', repository: repository.name, worktree: worktree.id, data });
    });
    return true;
  }

  async #restoreWorktrees(repository: RepositoryRow): Promise<void> {
    const listed = await this.#listed(repository);
    for (const entry of listed) await this.restoreWorktree(repository, entry);
  }

  /** A repository that is gone has no worktrees. */
  async #listed({ commonDir }: RepositoryRow): Promise<ListedWorktree[]> {
    return listWorktrees(this.#parts.git, commonDir).catch(() => []);
  }

  async #look(id: string): Promise<Found | 'stray' | 'unreadable'> {
    const { directories } = this.#parts;
    const description = parseDescription(id, await directories.readDescription(id));
    if (!description) {
      const isStray = directories.isForgotten(id) || !(await directories.wasTried(id));
      return isStray && !(await this.#isAlive(id)) ? 'stray' : 'unreadable';
    }
    const { repository, worktree } = description;
    const listed = worktree === null ? [] : await this.#listed(repository);
    const isConfirmed = listed.some(({ path, branch }) => path === worktree?.path && branch === worktree.branch);
    const state =
      description.run.state === 'queued' && (await directories.wasTried(id)) ? 'starting' : description.run.state;
    return {
      ...description,
      run: { ...description.run, state },
      worktree: isConfirmed ? worktree : null,
      ended: isActive(state) ? await this.#endOf(description.run) : {},
    };
  }

  /** What is known of the end of a run that was not yet written down as ended. */
  async #endOf(run: RunRow): Promise<Partial<RunRow>> {
    const { clock } = this.#parts;
    const record = await this.#recordOf(run.id);
    const stopAsked = run.stopForce !== null;
    if (record.kind === 'exited') return { ...endingOf(record, stopAsked), endedAt: record.at };
    return { ...vanishedEnding('killed', stopAsked), endedAt: clock.now() };
  }

  /** The newest run of a plan brings it as it was last, and only that one can still be active. */
  #write(found: readonly Found[]): void {
    const { runs } = this.#parts.registry;
    const activePlans = new Set(runs.active().map(({ planId }) => planId));
    const rows = newestFirst(found).map(({ run, ended, ...place }) => {
      const row = { ...run, ...this.#writePlace(place, run) };
      const isSecond = isActive(row.state) && activePlans.has(row.planId);
      if (isActive(row.state)) activePlans.add(row.planId);
      return isSecond ? { ...row, ...ended } : row;
    });
    // The queue is in the order of the rows.
    for (const row of rows.sort((one, other) => one.queuedAt - other.queuedAt)) runs.insert(row);
  }

  #writePlace({ repository, plan, worktree }: Omit<Found, 'run' | 'ended'>, run: RunRow) {
    const { plans, worktrees } = this.#parts.registry;
    const repositoryId = this.#writeRepository(repository);
    const planWorktree = worktree && this.#writeWorktree({ ...worktree, repositoryId });
    const planId = this.#writePlan({ ...plan, repositoryId, worktreeId: planWorktree });
    const { lastAttempt } = plans.get(planId) ?? plan;
    if (run.attempt > lastAttempt) plans.update(planId, { lastAttempt: run.attempt });
    const isKnown = run.worktreeId !== null && worktrees.get(run.worktreeId) !== undefined;
    return { planId, worktreeId: isKnown ? run.worktreeId : planWorktree };
  }

  #writeRepository(row: RepositoryRow): string {
    const { repositories } = this.#parts.registry;
    const known = repositories.byCommonDir(row.commonDir) ?? repositories.get(row.id);
    if (known) return known.id;
    let { name } = row;
    for (let number = 2; repositories.byName(name); number += 1) name = `${row.name}-${number}`;
    repositories.insert({ ...row, name });
    return row.id;
  }

  /** Two worktrees never share ports, whatever the records say. */
  #writeWorktree(row: WorktreeRow): string {
    const { worktrees } = this.#parts.registry;
    const known = worktrees.byPath(row.path) ?? worktrees.get(row.id);
    if (known) return known.id;
    const ports = portsOf(row);
    const isTaken = worktrees.live().some((other) => {
      const theirs = portsOf(other);
      return ports && theirs && ports.start <= theirs.end && theirs.start <= ports.end;
    });
    worktrees.insert({ ...row, state: 'in_use', removedAt: null, ...(isTaken && { portStart: null, portEnd: null }) });
    return row.id;
  }

  #writePlan(row: PlanRow): string {
    const { plans } = this.#parts.registry;
    const known = plans.byName(row.repositoryId, row.name);
    if (known) return known.id;
    plans.insert(row);
    return row.id;
  }

  async #recordOf(id: string): Promise<RunRecord> {
    const { executors, directories } = this.#parts;
    const directory = await directories.lastTry(id);
    return (await executors.startedIn(directory)).inspect(directory);
  }

  async #isAlive(id: string): Promise<boolean> {
    const { bootId } = this.#parts;
    const record = await this.#recordOf(id);
    if (record.kind !== 'claimed') return false;
    for (const each of [record.parent, record.child]) {
      if (each && (await liveness({ ...each, bootId }, bootId)) === 'alive') return true;
    }
    return false;
  }

  async #refuseIfAlive(id: string): Promise<void> {
    if (!(await this.#isAlive(id))) return;
    const directory = this.#parts.directories.of(id);
    throw new WtdError('INVALID_STATE', `the registry was lost, and ${directory} has a live process but no run.json`, {
      hint: `see its process in ${directory}/try-*/record, end it, move the directory away, and start wtd again`,
      state: 'unreadable',
      allowed: ['records of runs that can be read'],
    });
  }
}

const newestFirst = (found: readonly Found[]): Found[] =>
  [...found].sort((one, other) => other.run.attempt - one.run.attempt || other.run.queuedAt - one.run.queuedAt);

interface KnownByGit {
  id: string;
  repositoryId: string;
  branch: string;
  base: string | null;
  baseCommit: string;
  path: string;
  now: number;
}

/** Without a port range; and wtd takes no branch away of which it does not know that it made it. */
const restoredWorktree = ({ now, ...known }: KnownByGit): WorktreeRow => ({
  ...known,
  name: known.branch.replaceAll('/', '-'),
  branchMade: false,
  kind: 'plan',
  state: 'in_use',
  declared: 'active',
  task: null,
  portStart: null,
  portEnd: null,
  useCount: 1,
  createdAt: now,
  lastUsedAt: now,
  removedAt: null,
});

const restoredPlan = (known: { name: string; worktree: WorktreeRow; base: string | null; now: number }): PlanRow => ({
  id: newId(),
  repositoryId: known.worktree.repositoryId,
  name: known.name,
  branch: known.worktree.branch ?? '',
  base: known.base,
  baseCommit: known.worktree.baseCommit,
  file: null,
  command: [],
  dependsOn: [],
  limits: null,
  worktreeId: known.worktree.id,
  lastAttempt: 0,
  createdAt: known.now,
  lastActivityAt: known.now,
});
