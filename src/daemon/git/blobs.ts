/**
 * Reads what `git cat-file --batch` prints: a line with id and size, the content, a newline, and so on. Answers how many
 * objects there were.
 */
export async function readBlobs(
  output: AsyncIterable<Buffer>,
  take: (id: string, content: AsyncIterable<Buffer>) => Promise<void>,
): Promise<number> {
  const reader = new Reader(output);
  for (let count = 0; ; count += 1) {
    const line = await reader.line();
    if (line === undefined) return count;
    const { id, size } = /^(?<id>[0-9a-f]+) \w+ (?<size>\d+)$/.exec(line)?.groups ?? {};
    if (id === undefined) throw new Error(`an object of the repository cannot be read: ${line}`);
    await take(id, reader.bytes(Number(size)));
    await reader.line();
  }
}

/** Takes a stream apart without keeping more than a piece of it. */
class Reader {
  readonly #pieces: AsyncIterator<Buffer>;
  #rest = Buffer.alloc(0);

  constructor(output: AsyncIterable<Buffer>) {
    this.#pieces = output[Symbol.asyncIterator]();
  }

  /** Without its newline; undefined at the end. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf('\n');
      if (end >= 0) {
        const line = this.#rest.subarray(0, end).toString('latin1');
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      const piece = await this.#next();
      if (piece === undefined) return undefined;
      this.#rest = Buffer.concat([this.#rest, piece]);
    }
  }

  async *bytes(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0;) {
      if (this.#rest.length === 0) {
        const piece = await this.#next();
        if (piece === undefined) throw new Error(`git ended ${left} bytes before the end of an object`);
        this.#rest = piece;
      }
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async #next(): Promise<Buffer<ArrayBuffer> | undefined> {
    const next = await this.#pieces.next();
    return next.done === true ? undefined : (next.value as Buffer<ArrayBuffer>);
  }
}
