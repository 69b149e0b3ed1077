const newline = 10;
const nothing = new Uint8Array(0);

export class LineTooLongError extends Error {
  override readonly name = 'LineTooLongError';
}

/** Cuts bytes into lines on demand; of a line whose end is missing it keeps at most `maxBytes`. */
export class LineReader {
  readonly #maxBytes: number;
  #chunk: Uint8Array = nothing;
  #position = 0;
  #begun: Uint8Array = nothing;
  #begunBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Of a line whose end is missing. */
  get begunBytes(): number {
    return this.#begunBytes;
  }

  push(bytes: Uint8Array): void {
    const rest = this.#chunk.subarray(this.#position);
    this.#position = 0;
    this.#chunk = rest.length === 0 ? bytes : joined(rest, bytes);
  }

  /** The next whole line without its end; it is valid until the next call. */
  next(): Uint8Array | undefined {
    const end = this.#chunk.indexOf(newline, this.#position);
    const piece = this.#chunk.subarray(this.#position, end === -1 ? undefined : end);
    if (this.#begunBytes + piece.length > this.#maxBytes) throw new LineTooLongError();
    if (end === -1) {
      this.#begin(piece);
      this.#chunk = nothing;
      this.#position = 0;
      return undefined;
    }
    this.#position = end + 1;
    return this.#begunBytes === 0 ? piece : this.#complete(piece);
  }

  /** Doubles its room, so that a line that comes byte by byte costs neither time nor memory out of proportion. */
  #begin(piece: Uint8Array): void {
    const bytes = this.#begunBytes + piece.length;
    if (bytes > this.#begun.length) {
      const room = new Uint8Array(Math.min(this.#maxBytes, Math.max(bytes, 2 * this.#begun.length)));
      room.set(this.#begun.subarray(0, this.#begunBytes));
      this.#begun = room;
    }
    this.#begun.set(piece, this.#begunBytes);
    this.#begunBytes = bytes;
  }

  #complete(piece: Uint8Array): Uint8Array {
    this.#begin(piece);
    const line = this.#begun.subarray(0, this.#begunBytes);
    this.#begun = nothing;
    this.#begunBytes = 0;
    return line;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
