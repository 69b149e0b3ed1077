import type { Clock } from '../../base/clock.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Git } from '../git/git.ts';
import type { ListedWorktree } from '../git/porcelain.ts';
import { findMergeBase, listWorktrees } from '../git/questions.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, RunRow } from '../registry/rows.ts';
import type { Executors } from '../runs/executors.ts';
import { liveness } from '../runs/identity.ts';
import { endingOf, isActive, vanishedEnding } from '../runs/machine.ts';
import type { RunDirectories } from '../runs/run-directory.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { ownerOfLock, planOfLock, worktreeName } from '../worktrees/naming.ts';
import { parseDescription } from './description.ts';
import { RestoredRows, restoredPlan, restoredWorktree, type Found } from './restored-rows.ts';
import type { Restorer } from './restorer.ts';

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

interface Look {
  id: string;
  found: Found | 'stray' | 'unreadable';
}

type List = (repository: RepositoryRow) => Promise<ListedWorktree[]>;

/** Writes rows again that the registry lost, from the directories of runs and from git. */
export class Restore implements Restorer {
  readonly #parts: Parts;
  readonly #rows: RestoredRows;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#rows = new RestoredRows(parts.registry);
  }

  /**
   * Brings the registry up to what the directories of runs tell: it may be a new one in place of one that was lost, or
   * an older one that somebody put back. Directories in which nothing ever ran are removed.
   * Throws INVALID_STATE when a process lives whose record cannot be read: its plan could be started twice.
   */
  async restoreMissing(): Promise<void> {
    const { registry, directories } = this.#parts;
    const wasEmpty = registry.repositories.count() === 0;
    await this.#catchUp(registry.runs.active());
    const unknown = registry.runs.unknownAmong(await directories.list());
    const listed = this.#listEachOnce();
    const look = async (id: string): Promise<Look> => ({ id, found: await this.#look(id, listed) });
    const looks = await Promise.all(unknown.map(look));
    for (const { id, found } of looks) if (found === 'unreadable') await this.#refuseIfAlive(id);
    const isNews = looks.some(({ found }) => typeof found !== 'string') || (wasEmpty && unknown.length > 0);
    if (isNews || registry.loss !== null) await this.#rebuild(looks, wasEmpty);
    for (const { id, found } of looks) if (found === 'stray') await directories.remove(id);
  }

  async #rebuild(looks: readonly Look[], wasEmpty: boolean): Promise<void> {
    const { registry, log } = this.#parts;
    const found = looks.flatMap((look) => (typeof look.found === 'string' ? [] : look.found));
    await this.#catchUp(this.#displacedBy(found), 'surely');
    const newestEvent = Math.max(0, ...found.map((each) => each.newestEvent));
    if (newestEvent >= registry.events.range().newest) {
      registry.events.beginAfter(Math.ceil((newestEvent + 1) / eventStride) * eventStride);
    }
    registry.change((tell) => {
      const failed = this.#rows.write(found);
      const unreadable = [...looks.filter((look) => look.found === 'unreadable').map(({ id }) => id), ...failed];
      const counts = { plans: registry.plans.count(), worktrees: registry.worktrees.countLive() };
      const cause = wasEmpty ? 'it was empty' : 'it did not know all runs';
      const loss = registry.loss ?? { cause, keptAs: null };
      const data = { ...loss, runs: found.length - failed.length, ...counts, unreadable };
      tell({ type: 'registry.rebuilt', data });
      log.warn(data, 'the registry was lost and is rebuilt');
    });
    for (const repository of registry.repositories.list()) {
      for (const entry of await this.#listed(repository)) await this.restoreWorktree(repository, entry);
    }
  }

  /** `stray`: nothing ever ran there, or it was to be forgotten; the directory is removed. */
  async restoreRun(id: string): Promise<'restored' | 'stray' | 'unreadable'> {
    const { registry, directories } = this.#parts;
    if (registry.runs.get(id)) return 'restored';
    const found = await this.#look(id, this.#listEachOnce());
    if (found === 'stray') await directories.remove(id);
    if (typeof found === 'string') return found;
    return registry.change(() => this.#rows.write([found])).length === 0 ? 'restored' : 'unreadable';
  }

  /** Gives a worktree that git's lock tells to be ours its rows again. Answers false when that cannot be. */
  async restoreWorktree(repository: RepositoryRow, listed: ListedWorktree): Promise<boolean> {
    const { registry, git, clock } = this.#parts;
    const { path, branch, head, prunable } = listed;
    const owner = ownerOfLock(listed.lockReason, this.#parts.home);
    if (!owner || head === null || prunable || registry.worktrees.byPath(path)) return false;
    const isPlan = owner.kind === 'plan';
    const known = isPlan ? registry.plans.byName(repository.id, owner.name) : undefined;
    if (isPlan && (branch === null || (known && (known.worktreeId !== null || known.branch !== branch)))) return false;
    const { id: repositoryId, commonDir, defaultBranch: base } = repository;
    const baseCommit = (base === null ? undefined : await findMergeBase(git, commonDir, [head, base])) ?? head;
    const isTaken = (name: string) => registry.worktrees.byName(repositoryId, name) !== undefined;
    const name = worktreeName(isPlan ? (branch ?? owner.name) : owner.name, isTaken);
    const now = clock.now();
    const place = { repositoryId, name, kind: owner.kind, branch, base, baseCommit, path };
    const worktree = restoredWorktree({ ...place, now });
    registry.change((tell) => {
      registry.worktrees.insert(worktree);
      const changes = { worktreeId: worktree.id, baseCommit: known?.baseCommit ?? baseCommit };
      if (known) registry.plans.update(known.id, changes);
      else if (isPlan && branch !== null) {
        registry.plans.insert(restoredPlan({ name: owner.name, branch, worktree, now }));
        tell({ type: 'plan.created', repository: repository.name, plan: owner.name, data: { branch } });
      }
      const data = { path, branch, ports: null };
      tell({ type: 'worktree.created', repository: repository.name, worktree: worktree.id, data });
    });
    return true;
  }

  /**
   * Ends rows whose directories tell that they have ended: what is written there is never older than the registry.
   * `surely`: they must have ended, because a later run of their plan began.
   */
  async #catchUp(rows: readonly RunRow[], how?: 'surely'): Promise<void> {
    const { registry, directories } = this.#parts;
    for (const row of rows) {
      const told = parseDescription(row.id, await directories.readDescription(row.id))?.run;
      const isTold = told !== undefined && !isActive(told.state);
      if (!isTold && how === undefined) continue;
      const ended = isTold ? outcomeOf(told) : await this.#endOf(row);
      registry.change(() => {
        registry.runs.update(row.id, ended);
      });
    }
  }

  /** Active rows of the plans that found runs belong to, when the found one is later and active. */
  #displacedBy(found: readonly Found[]): RunRow[] {
    const { repositories, plans, runs } = this.#parts.registry;
    return found.flatMap(({ repository, plan, run }) => {
      const known = repositories.byCommonDir(repository.commonDir);
      const row = known && plans.byName(known.id, plan.name);
      const active = row && runs.activeOf(row.id);
      return active && isActive(run.state) && active.attempt <= run.attempt ? [active] : [];
    });
  }

  /** A repository that is gone has no worktrees; the main one is nobody's. */
  async #listed({ commonDir }: RepositoryRow): Promise<ListedWorktree[]> {
    return (await listWorktrees(this.#parts.git, commonDir).catch(() => [])).slice(1);
  }

  /** Many runs lie in one repository. */
  #listEachOnce(): List {
    const known = new Map<string, Promise<ListedWorktree[]>>();
    return (repository) => {
      const listed = known.get(repository.commonDir) ?? this.#listed(repository);
      known.set(repository.commonDir, listed);
      return listed;
    };
  }

  async #look(id: string, list: List): Promise<Look['found']> {
    const { directories, home } = this.#parts;
    const told = await directories.readDescription(id);
    const description = parseDescription(id, told);
    if (!description) {
      const isStray = directories.isForgotten(id) || (told === undefined && !(await directories.wasTried(id)));
      return isStray && !(await this.#isAlive(id)) ? 'stray' : 'unreadable';
    }
    const { repository, plan, run, worktree } = description;
    const listed = worktree === null ? [] : await list(repository);
    const isConfirmed = listed.some(
      ({ path, branch, lockReason }) =>
        path === worktree?.path && branch === worktree.branch && planOfLock(lockReason, home) === plan.name,
    );
    const state = run.state === 'queued' && (await directories.wasTried(id)) ? 'starting' : run.state;
    return {
      ...description,
      run: { ...run, state },
      worktree: isConfirmed ? worktree : null,
      ended: isActive(state) ? await this.#endOf(run) : {},
    };
  }

  /** What is known of the end of a run that was not yet written down as ended. */
  async #endOf(run: RunRow): Promise<Partial<RunRow>> {
    const record = await this.#recordOf(run.id);
    const stopAsked = run.stopForce !== null;
    if (record.kind === 'exited') return { ...endingOf(record, stopAsked), endedAt: record.at };
    return { ...vanishedEnding('killed', stopAsked), endedAt: this.#parts.clock.now() };
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
    throw new WtdError('INVALID_STATE', `wtd does not know the run of ${directory}, which lives and has no run.json`, {
      hint: `see its process in ${directory}/try-*/record, end it, move the directory away, and start wtd again`,
      state: 'unreadable',
      allowed: ['records of runs that can be read'],
    });
  }
}

const outcomeOf = ({ state, reason, exitCode, signal, endedAt, peak }: RunRow): Partial<RunRow> => ({
  ...{ state, reason, exitCode, signal, endedAt, peak },
});
