import { setTimeout as sleep } from 'node:timers/promises';
import { faultPoint } from '../../base/fault-point.ts';
import type { Logger } from '../log.ts';
import type { RunRow } from '../registry/rows.ts';
import type { Executor, Launch, LaunchResult } from './executor.ts';
import type { Executors } from './executors.ts';
import type { RunLimits } from './limits.ts';
import type { RunDirectories } from './run-directory.ts';
import type { RunRecord } from './run-record.ts';

/** A parent announces its command within milliseconds; on a machine that stands still, later. */
const announcementPatienceMs = 5000;

/** What is to be executed for a run. */
export interface Begin {
  program: string;
  env: Record<string, string>;
  limits?: RunLimits | undefined;
  onExecuted: () => void;
}

/** One try to start a run, and who made it. */
export interface Attempt {
  executor: Executor;
  directory: string;
}

type Result = Exclude<LaunchResult, { kind: 'refused' }>;

type Begun = Extract<RunRecord, { kind: 'claimed' | 'exited' }>;

interface Parts {
  executors: Executors;
  directories: RunDirectories;
  log: Logger;
}

/** Tries to execute the commands of runs. */
export class Attempts {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** With one executor after the other, each in a directory of its own, until one does not refuse. */
  async begin(run: RunRow, { program, env, limits, onExecuted }: Begin): Promise<Attempt & { result: Result }> {
    const { executors, directories } = this.#parts;
    const command = [program, ...run.command.slice(1)];
    faultPoint('start: described');
    const launch = { output: directories.logOf(run.id), cwd: run.cwd ?? '', command, env, limits };
    for (const executor of await executors.candidates()) {
      const directory = await directories.newTry(run.id);
      faultPoint('start: try made');
      const result = await this.#start(executor, { launch: { ...launch, directory }, onExecuted });
      if (result.kind !== 'refused') return { executor, directory, result };
      executors.refused(executor, { run: run.id, cause: result.cause });
    }
    throw new Error(`no executor would start run ${run.id}`);
  }

  /**
   * A start that failed halfway is cancelled, and only a cancelled one provably never runs. When it is too late for
   * that, the command runs, and that is the result.
   */
  async #start(
    executor: Executor,
    { launch, onExecuted }: { launch: Launch; onExecuted: () => void },
  ): Promise<LaunchResult> {
    const { log } = this.#parts;
    try {
      return await executor.start(launch);
    } catch (error) {
      const record = await executor.cancel(launch.directory).catch(() => undefined);
      if (record?.kind === 'cancelled') throw error;
      onExecuted();
      log.warn({ directory: launch.directory, err: error }, 'a start failed too late to be cancelled');
      if (record?.kind === 'unstartable')
        return { kind: 'unstartable', exitCode: record.exitCode, cause: 'see its output' };
      if (record?.kind !== 'claimed' && record?.kind !== 'exited') throw error;
      const { parent, child } = await this.announced({ executor, ...launch }, record);
      if (child === null) throw error;
      return { kind: 'started', parent, child };
    }
  }

  /** The daemon before may have died between the parent and its command. */
  async announced({ executor, directory }: Attempt, record: Begun): Promise<Begun> {
    const deadline = performance.now() + announcementPatienceMs;
    let seen = record;
    while (seen.kind === 'claimed' && seen.child === null && performance.now() < deadline) {
      await sleep(20);
      const now = await executor.inspect(directory);
      if (now.kind === 'claimed' || now.kind === 'exited') seen = now;
      else break;
    }
    return seen;
  }
}
