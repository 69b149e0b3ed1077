import {
  closeSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';

export interface LogFileLimits {
  maxBytes: number;
  /** How many full files stay beside the one that is written. */
  keep: number;
}

interface Parts {
  path: string;
  /** Asked at each line, so that a new configuration holds at once. */
  limits: () => LogFileLimits;
  /** A line that tells how many could not be kept. */
  lostLine: (count: number) => string;
}

/** What waits for the disk, at most; lines beyond it are only counted. */
const mostWaitingBytes = 1_000_000;
const newline = 0x0a;

/**
 * A file of lines that begins anew when it is full: `daemon.log` becomes `daemon.log.1`, that one `daemon.log.2`. Each
 * line is with the system when `write` returns. It never throws: lines that find no space or no directory wait.
 */
export class LogFile {
  readonly #parts: Parts;
  #open: { descriptor: number; inode: number } | undefined;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Of the first waiting line; a full disk may take a part of it. */
  #writtenBytes = 0;
  #lost = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  write(line: string): void {
    if (this.#waiting.length > 0) this.#tryToFlush();
    this.#enqueue(line);
    this.#tryToFlush();
  }

  #tryToFlush(): void {
    try {
      this.#flush();
      if (this.#lost === 0) return;
      this.#enqueue(this.#parts.lostLine(this.#lost));
      this.#lost = 0;
      this.#flush();
    } catch {
      // There is nobody to tell; the lines wait.
    }
  }

  #enqueue(text: string): void {
    const line = Buffer.from(text);
    if (this.#waitingBytes > 0 && this.#waitingBytes + line.length > mostWaitingBytes) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
  }

  #flush(): void {
    for (let line = this.#waiting[0]; line !== undefined; line = this.#waiting[0]) {
      this.#writeWhole(line);
      this.#waiting.shift();
      this.#waitingBytes -= line.length;
      this.#writtenBytes = 0;
    }
  }

  #writeWhole(line: Buffer): void {
    const descriptor = this.#descriptorFor(line.length);
    while (this.#writtenBytes < line.length) {
      this.#writtenBytes += writeSync(descriptor, line, this.#writtenBytes);
    }
  }

  #descriptorFor(bytes: number): number {
    const { path, limits } = this.#parts;
    const found = statSync(path, { throwIfNoEntry: false });
    const isFull = found !== undefined && found.size > 0 && found.size + bytes > limits().maxBytes;
    if (isFull && this.#writtenBytes === 0 && this.#rotate()) return this.#reopen();
    return this.#open && this.#open.inode === found?.ino ? this.#open.descriptor : this.#reopen();
  }

  /** Somebody may have taken the file away, or its directory. A line begun there is written whole in the new one. */
  #reopen(): number {
    const { path } = this.#parts;
    if (this.#open) closeSync(this.#open.descriptor);
    this.#open = undefined;
    this.#writtenBytes = 0;
    const descriptor = openPrivate(path);
    this.#open = { descriptor, inode: fstatSync(descriptor).ino };
    finishLine(descriptor);
    return descriptor;
  }

  /** Up to the first number that is free, so that a try that fails halfway costs no old file when it is repeated. */
  #rotate(): boolean {
    const { path, limits } = this.#parts;
    try {
      const numbers = listNumbers(path);
      let free = 1;
      while (numbers.includes(free)) free += 1;
      for (let number = free - 1; number >= 1; number -= 1) renameSync(`${path}.${number}`, `${path}.${number + 1}`);
      renameSync(path, `${path}.1`);
      for (const number of listNumbers(path)) if (number > limits().keep) rmSync(`${path}.${number}`);
      return true;
    } catch {
      return false; // a file that is too long is better than lines that are lost
    }
  }
}

function listNumbers(path: string): number[] {
  const prefix = `${basename(path)}.`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d*$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)));
}

function openPrivate(path: string): number {
  try {
    return openOwn(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { mode: 0o700 });
    return openOwn(path);
  }
}

function openOwn(path: string): number {
  const descriptor = openSync(path, 'a+', 0o600);
  if (fstatSync(descriptor).isFile()) fchmodSync(descriptor, 0o600);
  return descriptor;
}

/** The writer before may have died on a full disk in the middle of a line. */
function finishLine(descriptor: number): void {
  const { size } = fstatSync(descriptor);
  const last = Buffer.alloc(1);
  if (size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last[0] !== newline) writeSync(descriptor, '\n');
}
