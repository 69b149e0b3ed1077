import { once } from 'node:events';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultPoint } from '../../base/fault-point.ts';
import { spawning } from '../../base/spawning.ts';
import { runCommand } from '../commands/commands.ts';
import type { Executor, Launch, LaunchResult } from './executor.ts';
import { cancelledMark, parseRunRecord, type RunRecord } from './run-record.ts';

const shimFile = fileURLToPath(new URL('./shim.sh', import.meta.url));
const mkfifoTimeoutMs = 10_000;
const signalNames = new Map(Object.entries(osConstants.signals).map(([name, number]) => [number, name]));

/** The words and the environment that a parent is started with. */
export interface ParentStart {
  words: readonly [string, ...string[]];
  env: Readonly<Record<string, string>>;
  /** Takes the standard error of what stands in front of the parent; otherwise it is part of the output. */
  errorFile?: string;
}

/** Runs a command under a small `/bin/sh` parent of its own, in a session of its own; see shim.sh. */
export class ShimExecutor implements Executor {
  readonly name = 'shim';
  readonly #environment: Readonly<Record<string, string>>;
  readonly #inFront: (launch: Launch, parent: ParentStart) => ParentStart;

  /** `inFront` puts another program in front of the parent, which has to become it. */
  constructor(
    environment: Readonly<Record<string, string>>,
    inFront: (launch: Launch, parent: ParentStart) => ParentStart = (_, parent) => parent,
  ) {
    this.#environment = environment;
    this.#inFront = inFront;
  }

  async start(launch: Launch): Promise<LaunchResult> {
    const { directory } = launch;
    await runCommand({
      program: 'mkfifo',
      args: ['-m', '600', '--', join(directory, 'alive'), join(directory, 'start')],
      env: this.#environment,
      timeoutMs: mkfifoTimeoutMs,
    });
    faultPoint('start: fifos made');
    const words = ['/bin/sh', shimFile, directory, ...launch.command] as const;
    await untilExecuted(launch, this.#inFront(launch, { words, env: launch.env }));
    faultPoint('start: executed');
    const record = await this.inspect(directory);
    if (record.kind === 'unstartable') return unstartable(launch, record.exitCode);
    if ((record.kind === 'claimed' || record.kind === 'exited') && record.child) {
      return { kind: 'started', parent: record.parent, child: record.child };
    }
    return { kind: 'unstartable', exitCode: null, cause: 'the parent shell ended before the command was executed' };
  }

  async inspect(directory: string): Promise<RunRecord> {
    try {
      const file = join(directory, 'record');
      const [text, { mtimeMs }] = [await readFile(file, 'utf8'), await stat(file)];
      return parseRunRecord(text, { signalNames, writtenAt: Math.round(mtimeMs) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'unclaimed' };
      throw error;
    }
  }

  /** Its record is made once, when the parent begins, so its birth is that moment where the file system keeps it. */
  async startedAt(directory: string): Promise<number | undefined> {
    const record = await stat(join(directory, 'record')).catch(() => undefined);
    return record && Math.round(Math.min(record.birthtimeMs || Infinity, record.mtimeMs));
  }

  async cancel(directory: string): Promise<RunRecord> {
    try {
      await using record = await open(join(directory, 'record'), 'wx', 0o600);
      // Who made the file has the say, so nothing changes when a full disk keeps the mark out.
      await record.writeFile(`${cancelledMark}\n`).catch(() => undefined);
      return { kind: 'cancelled' };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return { kind: 'cancelled' }; // without its directory no parent can come up
      if (code !== 'EEXIST') throw error;
    }
    return this.inspect(directory);
  }

  watch(directory: string, onGone: (seen: boolean) => void): Disposable {
    let isWanted = true;
    const descriptor = openHeldFifo(join(directory, 'alive'));
    if (descriptor === undefined) {
      queueMicrotask(() => {
        if (isWanted) onGone(false);
      });
      return {
        [Symbol.dispose]() {
          isWanted = false;
        },
      };
    }
    const fifo = readUntilEnd(descriptor);
    fifo.once('close', () => {
      if (isWanted) onGone(true);
    });
    return {
      [Symbol.dispose]() {
        isWanted = false;
        fifo.destroy();
      },
    };
  }

  /** A session keeps nobody who wants to leave it. */
  members(): Promise<number[]> {
    return Promise.resolve([]);
  }

  freeze(): Promise<void> {
    return Promise.resolve();
  }
}

/** Starts the parent and waits for the moment of the exec, or for the parent's end before it. */
async function untilExecuted({ directory, output: file, cwd }: Launch, start: ParentStart): Promise<void> {
  const { execa } = await import('execa');
  await using output = await open(file, 'a', 0o600);
  await using errors = start.errorFile === undefined ? null : await open(start.errorFile, 'a', 0o600);
  const executed = readUntilEnd(openSync(join(directory, 'start'), constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const [program, ...args] = start.words;
    const parent = spawning(() =>
      execa(program, args, {
        cwd,
        env: { ...start.env },
        extendEnv: false,
        detached: true,
        cleanup: false,
        stdin: 'ignore',
        // Its types know only the standard descriptors by number.
        stdout: output.fd as 1,
        stderr: (errors ?? output).fd as 1,
        reject: false,
        buffer: false,
      }),
    );
    faultPoint('start: parent spawned');
    parent.unref();
    await Promise.race([once(executed, 'close'), parent]);
  } finally {
    executed.destroy();
  }
}

/** A FIFO that is read to notice that its last writer is gone; nothing is ever written to it. */
function readUntilEnd(descriptor: number): Socket {
  const fifo = new Socket({ fd: descriptor, readable: true, writable: false });
  fifo.on('error', () => undefined);
  fifo.resume();
  return fifo;
}

/**
 * Opens a FIFO for reading; undefined when no process holds it for writing. It reads once, because the end of a
 * writer that went before the opening is never announced.
 */
function openHeldFifo(file: string): number | undefined {
  const descriptor = openFifo(file);
  if (descriptor === undefined) return undefined;
  try {
    readSync(descriptor, Buffer.alloc(1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return descriptor;
  }
  closeSync(descriptor);
  return undefined;
}

/** Undefined when there is no such FIFO. Non-blocking, or it would wait for a writer. */
function openFifo(file: string): number | undefined {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function unstartable({ command, output }: Launch, exitCode: number): LaunchResult {
  const program = command[0] ?? '';
  const cause = exitCode === 126 ? `${program} is not executable` : `${program} was not found`;
  return { kind: 'unstartable', exitCode, cause: `${cause} (see ${output})` };
}
