import type { Channel } from './channel.ts';
import { fellBehind, internalError, limitReached, RpcError } from './errors.ts';
import type { Holdings } from './holdings.ts';
import { itemsPerTurn, maxLiveUnreadBytes, maxOpenStreams, maxUnreadBytes } from './limits.ts';
import { notification } from './message.ts';
import type { StreamSource } from './stream-source.ts';
import { nextTurn } from './turn.ts';

interface Surroundings {
  channel: Channel;
  holdings: Holdings;
  write(text: string): void;
  report(error: unknown): void;
  onStreamEnd(): void;
}

export interface OpenStream {
  readonly id: string;
  readonly source: StreamSource<unknown>;
  readonly abort: AbortController;
  pace: 'patient' | 'live';
}

/** The streams of one connection, from the answer that names them to `stream.end`. */
export class OpenStreams {
  readonly #channel: Channel;
  readonly #surroundings: Surroundings;
  readonly #streams = new Map<string, OpenStream>();
  #sleepers: (() => void)[] = [];
  #lastId = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#channel = surroundings.channel;
    this.#channel.onDrain(() => {
      this.#wake();
    });
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Gives it an id; `start` follows when the answer with that id is written. */
  announce(source: StreamSource<unknown>): OpenStream {
    if (this.#streams.size >= maxOpenStreams) throw limitReached('open streams on this connection', maxOpenStreams);
    this.#surroundings.holdings.openStream();
    const stream: OpenStream = {
      id: `s${++this.#lastId}`,
      source,
      abort: new AbortController(),
      pace: 'patient',
    };
    this.#streams.set(stream.id, stream);
    return stream;
  }

  start(stream: OpenStream): void {
    void this.#run(stream);
  }

  cancel(id: unknown): void {
    if (typeof id !== 'string') return;
    this.#streams.get(id)?.abort.abort();
    this.#wake();
  }

  cancelAll(): void {
    for (const stream of this.#streams.values()) stream.abort.abort();
    this.#wake();
  }

  async #run(stream: OpenStream): Promise<void> {
    const error = await this.#pump(stream);
    this.#streams.delete(stream.id);
    this.#surroundings.holdings.closeStream();
    this.#writeEnd(stream.id, error);
    this.#surroundings.onStreamEnd();
  }

  /** Carries items until the source, the reader or an error ends it. */
  async #pump(stream: OpenStream): Promise<RpcError | undefined> {
    try {
      if (!isCancelled(stream)) await this.#carry(stream);
      return undefined;
    } catch (error) {
      if (isCancelled(stream)) return undefined;
      if (error instanceof RpcError) return error;
      this.#surroundings.report(error);
      return internalError();
    }
  }

  async #carry(stream: OpenStream): Promise<void> {
    const live = () => {
      stream.pace = 'live';
      this.#wake();
    };
    let count = 0;
    for await (const item of stream.source.open({ signal: stream.abort.signal, live })) {
      while (this.#mustWait(stream)) await new Promise<void>((resolve) => this.#sleepers.push(resolve));
      if (isCancelled(stream)) return;
      this.#write('stream.item', { stream: stream.id, item });
      if (stream.pace === 'live' && this.#channel.unreadBytes > maxLiveUnreadBytes) throw fellBehind();
      if (++count % itemsPerTurn === 0) await new Promise<void>(nextTurn);
    }
  }

  #mustWait(stream: OpenStream): boolean {
    return stream.pace === 'patient' && !isCancelled(stream) && this.#channel.unreadBytes > maxUnreadBytes;
  }

  #wake(): void {
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const wake of sleepers) wake();
  }

  #writeEnd(stream: string, error: RpcError | undefined): void {
    if (error === undefined) {
      this.#write('stream.end', { stream });
      return;
    }
    try {
      this.#write('stream.end', { stream, error });
    } catch (unspeakable) {
      this.#surroundings.report(unspeakable);
      this.#write('stream.end', { stream, error: internalError() });
    }
  }

  #write(method: string, params: object): void {
    this.#surroundings.write(`${notification(method, params)}\n`);
  }
}

const isCancelled = (stream: OpenStream) => stream.abort.signal.aborted;
