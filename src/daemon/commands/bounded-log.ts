import { createWriteStream, type WriteStream } from 'node:fs';

const mostBytes = 8_000_000;
const lastBytes = 64_000;

/** A file that output goes to: its beginning and its end are kept, what lies between them beyond the limit is not. */
export class BoundedLog implements AsyncDisposable {
  readonly path: string;
  readonly #stream: WriteStream;
  #left = mostBytes;
  #last: Buffer[] = [];
  #droppedBytes = 0;

  constructor(path: string) {
    this.path = path;
    // A full disk takes the output, but not the command.
    this.#stream = createWriteStream(path, { mode: 0o600 }).on('error', () => undefined);
  }

  write(chunk: Buffer): void {
    const first = chunk.subarray(0, this.#left);
    this.#left -= first.length;
    if (first.length > 0) this.#stream.write(first);
    if (first.length < chunk.length) this.#keepLast(chunk.subarray(first.length));
  }

  say(line: string): void {
    this.write(Buffer.from(`${line}\n`));
  }

  #keepLast(chunk: Buffer): void {
    this.#last.push(chunk);
    let kept = this.#last.reduce((sum, { length }) => sum + length, 0);
    for (let first = this.#last[0]; first && kept - first.length >= lastBytes; first = this.#last[0]) {
      this.#last.shift();
      kept -= first.length;
      this.#droppedBytes += first.length;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#droppedBytes > 0) this.#stream.write(`\n[wtd: ${this.#droppedBytes} bytes were left out here]\n`);
    for (const chunk of this.#last) this.#stream.write(chunk);
    await new Promise<void>((resolve) => {
      this.#stream.once('close', resolve);
      this.#stream.end();
      if (this.#stream.closed) resolve();
    });
  }
}
