import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { milliseconds } from '../../base/duration.ts';
import { forChild, worktreeVariables } from '../../base/environment.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { shuttingDown } from '../../contract/errors.ts';
import type { Worktree } from '../../contract/models.ts';
import { BoundedLog } from '../commands/bounded-log.ts';
import { startLogged, type RunningCommand } from '../commands/logged-command.ts';
import type { Configuration } from '../config.ts';
import type { Git } from '../git/git.ts';
import type { Registry } from '../registry/registry.ts';
import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import type { RepositorySettings } from '../repositories/settings.ts';
import { identify } from '../runs/identity.ts';
import { endMarked, terminateTree } from '../runs/terminate.ts';
import { failureOf, wordsOf, type CommandFailure } from './command-failure.ts';
import { contextDirectory } from './context.ts';
import { worktreesDirectory } from './naming.ts';
import { portsOf } from './ports.ts';
import { bring, findIgnored, removeStaging } from './setup-files.ts';

interface Parts {
  registry: Registry;
  configuration: Configuration;
  settings: RepositorySettings;
  git: Git;
  bootId: string;
  socket: string;
  /** Where the output of commands is kept. */
  logs: string;
  /** Of commands whose caller sends none. */
  environment: Readonly<Record<string, string>>;
}

type State = NonNullable<Worktree['setup']>;

/** What a fresh worktree of a repository needs. */
export interface Work {
  /** Paths below the main checkout. */
  files: string[];
  commands: string[][];
  /** A duration, of each command. */
  timeout: string;
  /** Of the commands; undefined: the daemon's. */
  environment?: Readonly<Record<string, string>> | undefined;
}

/** Marks what works on a worktree being made, so that the next daemon can end what outlived this one. */
export const makingMark = 'WTD_MAKES_WORKTREE';

const mostCopiesAtOnce = 4;
/** Between TERM and KILL of a command that took too long. */
const graceMs = 5000;
const drainMs = 1000;
const longestTimerMs = 2 ** 31 - 1;
const mostNamed = 5;

const interrupted = 'the daemon ended in the middle of it';

/** Makes fresh worktrees usable: copies what git ignores, clones directories, runs commands. */
export class Setup implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #copies = pLimit(mostCopiesAtOnce);
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Decides, before anything is made; null: nothing is to be done. Throws UNTRUSTED, INVALID_PARAMS. */
  async plan(repository: RepositoryRow, environment?: Work['environment']): Promise<Work | null> {
    const { settings, git, configuration } = this.#parts;
    const { setup } = (await settings.trusted(repository)).worktrees;
    const { path: checkout, commonDir } = repository;
    const directory = worktreesDirectory(repository, configuration.current.worktrees.directory);
    const places = { checkout, own: [directory, join(checkout, contextDirectory)] };
    const files = checkout === commonDir ? [] : await findIgnored(git, places, [...setup.copy, ...setup.clone]);
    if (files.length === 0 && setup.run.length === 0) return null;
    return { files, commands: setup.run, timeout: setup.timeout, environment };
  }

  /** How a worktree begins that has this before it: written down together with the worktree itself. */
  begin(row: WorktreeRow, { files, commands }: Work): State {
    const detail = [...copying(files), ...commands.map(wordsOf)].join('; ');
    return { state: 'running', detail, logPath: commands.length === 0 ? null : this.#logOf(row.id) };
  }

  /**
   * Answers the worktree, marked when something failed: it stays, for whoever wants to mend it.
   * Throws SHUTTING_DOWN when the daemon ends meanwhile.
   */
  async run(repository: RepositoryRow, row: WorktreeRow, work: Work): Promise<WorktreeRow> {
    const running = this.#run(repository, row, work);
    this.#underWay.add(running);
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }

  /**
   * For a worktree that is there only for these commands: one piece of work after the other, all that they print in one
   * log, and nothing written down. Answers what failed. Throws SHUTTING_DOWN when the daemon ends meanwhile.
   */
  async rehearse(
    repository: RepositoryRow,
    row: WorktreeRow,
    { works, logPath }: { works: readonly Work[]; logPath: string },
  ): Promise<CommandFailure | string | undefined> {
    const rehearsing = this.#rehearse(repository, row, { works, logPath });
    this.#underWay.add(rehearsing);
    try {
      return await rehearsing;
    } finally {
      this.#underWay.delete(rehearsing);
    }
  }

  async #rehearse(
    repository: RepositoryRow,
    row: WorktreeRow,
    { works, logPath }: { works: readonly Work[]; logPath: string },
  ): Promise<CommandFailure | string | undefined> {
    await mkdir(dirname(logPath), { recursive: true, mode: 0o700 });
    await using log = new BoundedLog(logPath);
    for (const work of works) {
      const failure =
        (await this.#bringAll(repository, row, work)) ?? (await this.#runEach(repository, row, { ...work, log }));
      if (this.#isClosing()) throw shuttingDown();
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** After a death of the daemon: what it left running is ended, and nobody believes that the worktree is whole. */
  async takeOver(repository: RepositoryRow, row: WorktreeRow): Promise<void> {
    if (row.setup?.state !== 'running') return;
    await endMarked(makingMark, row.id);
    await removeStaging(row);
    this.#record(repository, row, { ...row.setup, state: 'failed', detail: interrupted });
  }

  /** What its commands printed goes with the row. */
  async forget(id: string): Promise<void> {
    await rm(this.#logOf(id), { force: true });
  }

  /** Output of worktrees that nobody knows any more. */
  async removeRests(): Promise<void> {
    const names = await readdir(this.#parts.logs).catch((): string[] => []);
    const ids = names.map((name) => name.replace(/\.log$/, ''));
    for (const id of this.#parts.registry.worktrees.unknownAmong(ids)) await this.forget(id);
  }

  async #run(repository: RepositoryRow, row: WorktreeRow, work: Work): Promise<WorktreeRow> {
    faultPoint('setup: begun');
    const failure = (await this.#bringAll(repository, row, work)) ?? (await this.#runAll(repository, row, work));
    if (this.#isClosing()) throw shuttingDown();
    const { files, commands } = work;
    const done = [...copying(files), ...commands.map((words) => `ran ${wordsOf(words)}`)].join('; ');
    const { logPath } = this.begin(row, work);
    const state = failure === undefined ? ('done' as const) : ('failed' as const);
    return this.#record(repository, row, { state, detail: failure ?? done, logPath });
  }

  /** Answers why it failed. */
  async #bringAll({ path }: RepositoryRow, row: WorktreeRow, { files }: Work): Promise<string | undefined> {
    for (const file of files) {
      if (this.#isClosing()) return interrupted;
      try {
        await this.#copies(() => bring(file, path, row));
      } catch (error) {
        const [cause = ''] = (error as Error).message.split('\n', 1); // cp tells of each file
        return `${file} could not be copied: ${cause}`;
      }
    }
    faultPoint('setup: files copied');
    return undefined;
  }

  async #runAll(repository: RepositoryRow, row: WorktreeRow, work: Work): Promise<string | undefined> {
    if (work.commands.length === 0) return undefined;
    await mkdir(this.#parts.logs, { recursive: true, mode: 0o700 });
    await using log = new BoundedLog(this.#logOf(row.id));
    return (await this.#runEach(repository, row, { ...work, log }))?.message;
  }

  async #runEach(
    repository: RepositoryRow,
    row: WorktreeRow,
    { log, ...work }: Work & { log: BoundedLog },
  ): Promise<CommandFailure | undefined> {
    const { environment, socket } = this.#parts;
    const place = { repository: repository.name, path: row.path, ports: portsOf(row), socket };
    const own = { ...worktreeVariables(place), [makingMark]: row.id };
    const env = { ...forChild(work.environment ?? environment), ...own };
    for (const words of work.commands) {
      log.say(`$ ${wordsOf(words)}`);
      const failure = await this.#runOne(row, { words, env, log, timeout: work.timeout });
      if (failure !== undefined) {
        log.say(`[wtd: ${failure.message}]`);
        return failure;
      }
    }
    faultPoint('setup: commands run');
    return undefined;
  }

  async #runOne(
    row: WorktreeRow,
    how: { words: string[]; env: Record<string, string>; log: BoundedLog; timeout: string },
  ): Promise<CommandFailure | undefined> {
    const { words, env, log, timeout } = how;
    const failed = (message: string) => ({ words, exitCode: null, isUnstartable: false, message });
    if (this.#isClosing()) return failed(interrupted);
    const [program = '', ...args] = words;
    const running = await startLogged({ program, args, cwd: row.path, env, log });
    faultPoint('setup: command started');
    const isInTime = await this.#endsWithin(running, milliseconds(timeout));
    if (!isInTime) await this.#terminate(row, running);
    if (this.#isClosing()) return failed(interrupted);
    if (!isInTime) return failed(`${wordsOf(words)} took longer than ${timeout}`);
    return failureOf(words, await running.ended);
  }

  /** Whether it ended before the time was up and before the daemon was told to end. */
  async #endsWithin({ ended }: RunningCommand, timeoutMs: number): Promise<boolean> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#closing.signal]);
    const ofTimer = sleep(Math.min(timeoutMs, longestTimerMs), false, { signal, ref: false }).catch(() => false);
    try {
      return await Promise.race([ended.then(() => true), ofTimer]);
    } finally {
      over.abort();
    }
  }

  async #terminate(row: WorktreeRow, { pid, ended }: RunningCommand): Promise<void> {
    const child = pid === undefined ? undefined : await identify(pid, this.#parts.bootId);
    const grace = this.#isClosing() ? 0 : graceMs;
    if (child)
      await terminateTree({ run: row.id, parent: null, child }, { graceMs: grace, hurry: this.#closing.signal });
    await endMarked(makingMark, row.id); // what left its tree
    await Promise.race([ended, sleep(drainMs, undefined, { ref: false })]);
  }

  #record(repository: RepositoryRow, row: WorktreeRow, setup: State): WorktreeRow {
    const { registry } = this.#parts;
    const changes = { setup, ...(setup.state === 'failed' && { declared: 'error' as const }) };
    registry.change((tell) => {
      registry.worktrees.update(row.id, changes);
      const data = { state: setup.state, detail: setup.detail };
      tell({ type: 'worktree.setup', repository: repository.name, worktree: row.id, data });
    });
    faultPoint('setup: recorded');
    return { ...row, ...changes };
  }

  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  #logOf(id: string): string {
    return join(this.#parts.logs, `${id}.log`);
  }

  /** Ends what is under way, and waits until whoever began it has taken it back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#underWay);
  }
}

function copying(files: readonly string[]): string[] {
  if (files.length === 0) return [];
  const more = files.length > mostNamed ? ` and ${files.length - mostNamed} more` : '';
  return [`copied ${files.slice(0, mostNamed).join(', ')}${more}`];
}
