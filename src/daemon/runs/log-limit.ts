import { open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { EventType } from '../../contract/events.ts';
import { runCommand } from '../commands/commands.ts';
import type { Logger } from '../log.ts';
import type { Registry } from '../registry/registry.ts';
import { isUnpunched, planCut, slackOf, wholeBlocks } from './log-cut.ts';
import { longestLineBytes } from './log-files.ts';
import { findLogStart, writeLogStart } from './log-start.ts';
import type { RunLedger } from './ledger.ts';
import { isActive } from './machine.ts';
import type { RunDirectories } from './run-directory.ts';

/** The unit of st_blocks, whatever the file system's own block is. */
const statBlockBytes = 512;
const punchTimeoutMs = 60_000;
/** No output grows by so much before it is looked at again. */
const farBytes = 2 ** 40;
const newline = 0x0a;

interface Parts {
  registry: Registry;
  ledger: RunLedger;
  directories: RunDirectories;
  log: Logger;
  environment: Readonly<Record<string, string>>;
  intervalMs: () => number;
  /** Null: no limit. */
  limitBytes: () => number | null;
}

interface Cut {
  file: string;
  /** Where the first line shall lie that stays. */
  start: number;
  /** Where it lay before; undefined: nothing was ever tried. */
  before: number | undefined;
  sizeBytes: number;
  blockBytes: number;
}

/** The output of a run that could not be trimmed, for now. */
interface Untrimmed {
  cause: string;
  sizeBytes: number;
}

/**
 * Keeps the output of runs within its limit: the oldest is punched out of the file in place, so offsets stay true and
 * the writer notices nothing. Where the file system cannot do that all of it stays, and that is told.
 */
export class LogLimit implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #untrimmed = new Map<string, Untrimmed>();
  readonly #oneAtATime = pLimit(1);
  readonly #stopped = new AbortController();
  readonly #listening: Disposable;
  #hasWarned = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#listening = parts.ledger.onEnd(({ id }) => {
      void this.look(id);
    });
  }

  start(): void {
    this.#loop = this.#lookForever();
  }

  /** Undefined when the run's output is no longer than it may be. */
  warningOf(run: string): string | undefined {
    const found = this.#untrimmed.get(run);
    return found && `its output is past its limit and could not be trimmed: ${found.cause}`;
  }

  /** Every run once, for what ended while nobody looked; then those that can write. */
  async #lookForever(): Promise<void> {
    const { registry, directories, intervalMs, log } = this.#parts;
    const { signal } = this.#stopped;
    const known = await directories.list().catch((error: unknown) => {
      log.warn({ err: error }, 'the directories of runs could not be listed');
      return [];
    });
    for (const id of known) await this.look(id);
    while (!signal.aborted) {
      await sleep(intervalMs(), undefined, { signal, ref: false }).catch(() => undefined);
      for (const { id } of registry.runs.placed()) await this.look(id);
    }
  }

  /** Takes from the output of one run what is too much; never rejects. */
  async look(id: string): Promise<void> {
    await this.#oneAtATime(async () => {
      if (this.#stopped.signal.aborted) return;
      try {
        const cut = await this.#findCut(id);
        if (cut !== undefined) await this.#trim(id, cut);
      } catch (error) {
        this.#parts.log.warn({ run: id, err: error }, 'the output of a run could not be looked at');
      }
    });
  }

  async #findCut(id: string): Promise<Cut | undefined> {
    const limitBytes = this.#parts.limitBytes();
    const file = this.#parts.directories.logOf(id);
    const found = limitBytes === null ? undefined : await stat(file).catch(nothingIfAbsent);
    if (limitBytes === null || found === undefined || found.size <= limitBytes) return undefined;
    const isOver = !isActive(this.#parts.registry.runs.get(id)?.state ?? 'lost');
    // What failed is tried again once there is more to gain.
    const failedAt = this.#untrimmed.get(id)?.sizeBytes ?? -Infinity;
    if (!isOver && found.size < failedAt + slackOf(limitBytes)) return undefined;
    const before = await findLogStart(file);
    const extent = {
      sizeBytes: found.size,
      allocatedBytes: found.blocks * statBlockBytes,
      startBytes: before ?? 0,
    };
    const upTo = planCut(extent, limitBytes, isOver);
    if (upTo === undefined) return undefined;
    const start = await findLineStart(file, { from: extent.startBytes, upTo });
    // What is kept begins with the line that holds the limit: nothing more can go.
    if (start === extent.startBytes && !isUnpunched(extent, limitBytes)) return undefined;
    return { file, start, before, sizeBytes: found.size, blockBytes: found.blksize };
  }

  /** The start is on disk before anything goes, so that no reader takes a hole for output. */
  async #trim(id: string, cut: Cut): Promise<void> {
    const { file, start, before = 0 } = cut;
    const { blocks } = await stat(file);
    try {
      // First where nothing is, so that no reader leaves out what turns out to stay.
      if (before === 0) await this.#punch(file, { offset: cut.sizeBytes + farBytes, bytes: cut.blockBytes });
      await writeLogStart(file, start);
      await this.#punch(file, { offset: 0, bytes: wholeBlocks(start, cut.blockBytes) });
    } catch (error) {
      // While nothing has gone, all of it can be read.
      if ((await stat(file)).blocks >= blocks) await writeLogStart(file, before);
      this.#tellUntrimmed(id, cut, error as Error);
      return;
    }
    this.#untrimmed.delete(id);
    if (before === 0) this.#tell(id, 'run.log.trimmed', { droppedBytes: start });
  }

  async #punch(file: string, { offset, bytes }: { offset: number; bytes: number }): Promise<void> {
    if (bytes === 0) return;
    await runCommand({
      program: 'fallocate',
      args: ['--punch-hole', '--offset', String(offset), '--length', String(bytes), '--', file],
      env: this.#parts.environment,
      timeoutMs: punchTimeoutMs,
    });
  }

  #tellUntrimmed(id: string, { sizeBytes, before }: Cut, { message: cause }: Error): void {
    for (const known of this.#untrimmed.keys()) {
      if (!this.#parts.registry.runs.get(known)) this.#untrimmed.delete(known);
    }
    this.#untrimmed.set(id, { cause, sizeBytes });
    if (before === undefined) this.#tell(id, 'run.log.untrimmed', { sizeBytes, cause });
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#parts.log.warn({ run: id, cause }, 'the output of a run is past its limit and could not be trimmed');
  }

  #tell(id: string, type: EventType, data: Record<string, unknown>): void {
    const { registry } = this.#parts;
    const run = registry.runs.get(id);
    const plan = run && registry.plans.get(run.planId);
    if (!run || !plan) return;
    const repository = registry.repositories.get(plan.repositoryId)?.name ?? null;
    registry.change((tell) => {
      tell({ type, repository, plan: plan.name, run: id, worktree: run.worktreeId, data });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]();
    this.#stopped.abort();
    await this.#loop;
    await this.#oneAtATime(() => undefined);
  }
}

/** The last start of a line within reach, `from` being one; a line longer than any reader takes is cut anywhere. */
async function findLineStart(file: string, { from, upTo }: { from: number; upTo: number }): Promise<number> {
  const handle = await open(file, 'r');
  try {
    const start = Math.max(from, upTo - longestLineBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(upTo - start), 0, upTo - start, start);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(newline);
    if (end >= 0) return start + end + 1;
    return start === from ? from : upTo;
  } finally {
    await handle.close();
  }
}

function nothingIfAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
