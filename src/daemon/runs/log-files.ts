import { watch } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { findLogStart } from './log-start.ts';

export interface LogLine {
  /** Byte at which the line starts. */
  offset: number;
  line: string;
}

interface Reading {
  file: string;
  /** Start at this byte, or at the first one that is kept. */
  from?: number | undefined;
  /** Only the last lines of what is there now; `from` goes before it. */
  tail?: number | undefined;
  /** Until when more may come; undefined: read what is there. */
  follow?: { isOver: () => boolean; onOver: (listener: () => void) => Disposable } | undefined;
  signal: AbortSignal;
  /** Called once everything that was there has been given. */
  onCaughtUp: () => void;
}

const chunkBytes = 65_536;
/** A longer line is given in pieces, so that no run can make a reader grow. */
export const longestLineBytes = 262_144;
/** Where the file system reports no changes. */
const pollMs = 500;
const newline = 0x0a;

/**
 * The lines of a growing file whose beginning may be punched out, also while it is read: then the reader jumps to the
 * first line that is kept. A last line without its end is given when nothing more can come.
 */
export async function* readLines(reading: Reading): AsyncGenerator<LogLine> {
  const handle = await openOnceThere(reading);
  if (handle === undefined) return;
  try {
    yield* new LineReader(handle, reading).lines();
  } finally {
    await handle.close();
  }
}

class LineReader {
  readonly #handle: FileHandle;
  readonly #reading: Reading;
  #pending: Buffer = Buffer.alloc(0);
  #offset = 0;

  constructor(handle: FileHandle, reading: Reading) {
    this.#handle = handle;
    this.#reading = reading;
  }

  async *lines(): AsyncGenerator<LogLine> {
    const { file, from, tail, follow, signal, onCaughtUp } = this.#reading;
    const start = await startOf(file);
    const wanted = from ?? (tail === undefined ? 0 : await findTail(this.#handle, tail, start));
    this.#offset = Math.max(wanted, start);
    const end = follow === undefined ? (await this.#handle.stat()).size : Infinity;
    let caughtUp = false;
    while (!signal.aborted && this.#offset + this.#pending.length < end) {
      const wasOver = follow?.isOver() ?? true;
      const chunk = await this.#readChunk();
      if (chunk.length > 0) {
        if (await this.#isPunched(chunk)) await this.#jump();
        else yield* this.#split(chunk);
        continue;
      }
      if (wasOver) break;
      if (!caughtUp) onCaughtUp();
      caughtUp = true;
      await this.#untilMore();
    }
    if (this.#pending.length > 0 && !signal.aborted) yield this.#take(this.#pending.length, 0);
  }

  async #readChunk(): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const { bytesRead } = await this.#handle.read(buffer, 0, chunkBytes, this.#offset + this.#pending.length);
    return buffer.subarray(0, bytesRead);
  }

  /** The start is written before the hole is made, so zeros that lie behind it are what the run wrote. */
  async #isPunched(chunk: Buffer): Promise<boolean> {
    return chunk.includes(0) && (await startOf(this.#reading.file)) > this.#offset + this.#pending.length;
  }

  /** A line that was read in part is lost in whole: nobody could tell that its end is missing. */
  async #jump(): Promise<void> {
    this.#offset = await startOf(this.#reading.file);
    this.#pending = Buffer.alloc(0);
  }

  *#split(chunk: Buffer): Generator<LogLine> {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (let end = this.#pending.indexOf(newline); end >= 0; end = this.#pending.indexOf(newline)) {
      yield this.#take(end, 1);
    }
    while (this.#pending.length >= longestLineBytes) yield this.#take(longestLineBytes, 0);
  }

  #take(bytes: number, separator: number): LogLine {
    const line = { offset: this.#offset, line: this.#pending.toString('utf8', 0, bytes) };
    this.#pending = this.#pending.subarray(bytes + separator);
    this.#offset += bytes + separator;
    return line;
  }

  async #untilMore(): Promise<void> {
    const { file, follow, signal } = this.#reading;
    const woken = new AbortController();
    const wake = () => {
      woken.abort();
    };
    const watcher = watch(file, wake);
    watcher.on('error', wake);
    const over = follow?.onOver(wake);
    signal.addEventListener('abort', wake, { once: true });
    try {
      const { size } = await this.#handle.stat();
      const isAtEnd = size <= this.#offset + this.#pending.length;
      if (isAtEnd && follow?.isOver() === false && !signal.aborted) {
        await sleep(pollMs, undefined, { signal: woken.signal }).catch(() => undefined);
      }
    } finally {
      watcher.close();
      over?.[Symbol.dispose]();
      signal.removeEventListener('abort', wake);
    }
  }
}

const startOf = async (file: string): Promise<number> => (await findLogStart(file)) ?? 0;

/** Where the last `count` lines after `first` start; a newline at the very end ends the last line, it starts none. */
async function findTail(handle: FileHandle, count: number, first: number): Promise<number> {
  const { size } = await handle.stat();
  if (count === 0) return size;
  let wanted = count;
  for (let end = size; end > first;) {
    const start = Math.max(first, end - chunkBytes);
    const buffer = Buffer.alloc(end - start);
    await handle.read(buffer, 0, buffer.length, start);
    for (
      let index = buffer.lastIndexOf(newline);
      index >= 0;
      index = index === 0 ? -1 : buffer.lastIndexOf(newline, index - 1)
    ) {
      if (start + index === size - 1) continue;
      wanted -= 1;
      if (wanted === 0) return start + index + 1;
    }
    end = start;
  }
  return first;
}

/** A run that still waits has no output yet; undefined when it never will. */
async function openOnceThere({ file, follow, signal, onCaughtUp }: Reading): Promise<FileHandle | undefined> {
  for (;;) {
    const wasOver = follow?.isOver() ?? true;
    const handle = await openIfPresent(file);
    if (handle !== undefined || wasOver || signal.aborted) return handle;
    onCaughtUp();
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}

async function openIfPresent(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
