import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '../../../src/base/id.ts';
import type { Executor, Launch } from '../../../src/daemon/runs/executor.ts';
import type { RunRecord } from '../../../src/daemon/runs/run-record.ts';
import { terminateTree } from '../../../src/daemon/runs/terminate.ts';
import { Place } from '../../rig/place.ts';
import { until } from '../../rig/until.ts';

/** Makes an executor that knows nothing of what others of its kind have started. */
export type MakeExecutor = () => Executor;

type Started = Awaited<ReturnType<Trial['start']>>;

/** One run in a place of its own, without a daemon. Its directories have names that trip up careless quoting. */
export class Trial implements AsyncDisposable {
  readonly place = new Place();
  readonly run = newId();
  readonly cwd = this.place.makeDirectory('-cwd with\na line');
  readonly directory = this.place.makeDirectory(`-runs of $HOME\n/${this.run}/try-1`);
  readonly env: Record<string, string> = { ...this.place.env, WTD_RUN: this.run };
  readonly executor: Executor;

  constructor(make: MakeExecutor) {
    this.executor = make();
  }

  launch(command: readonly string[], more: Partial<Launch> = {}) {
    const { directory, cwd, env } = this;
    const output = join(this.directory, '..', 'output.log');
    return this.executor.start({ directory, output, cwd, command, env, ...more });
  }

  /** The pids of a command that was executed. */
  async start(command: readonly string[], more: Partial<Launch> = {}): Promise<{ parent: number; child: number }> {
    const result = await this.launch(command, more);
    if (result.kind !== 'started') throw new Error(`it was not started: ${JSON.stringify(result)}`);
    return { parent: result.parent.pid, child: result.child.pid };
  }

  shell(script: string, ...args: string[]): Promise<Started> {
    return this.start(['/bin/sh', '-c', script, 'sh', ...args]);
  }

  /** How it ended, as somebody else reads it. */
  async ended(): Promise<Extract<RunRecord, { kind: 'exited' }>> {
    return until(async () => {
      const record = await this.executor.inspect(this.directory);
      return record.kind === 'exited' && record;
    }, 'the command ended');
  }

  output(): string {
    return readFileSync(join(this.directory, '..', 'output.log'), 'utf8');
  }

  /** A line that the command writes into a file of this name. */
  async told(name: string): Promise<string> {
    const file = this.fileOf(name);
    await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'), `${name} was told`);
    return readFileSync(file, 'utf8').trim();
  }

  fileOf(name: string): string {
    return join(this.place.directory, name);
  }

  /** Ends it as a stop does. */
  async stop(graceMs: number): Promise<boolean> {
    const { executor, directory, run } = this;
    const record = await executor.inspect(directory);
    if (record.kind !== 'claimed') throw new Error(`the run is ${record.kind}`);
    const hold = {
      members: () => executor.members(directory),
      freeze: (isFrozen: boolean) => executor.freeze(directory, isFrozen),
    };
    return terminateTree({ run, parent: record.parent, child: record.child, hold }, { graceMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.place[Symbol.asyncDispose]();
  }
}
