import { fellBehind } from './errors.ts';
import { maxLiveUnreadBytes, maxUnreadBytes } from './limits.ts';

type End = { kind: 'done' } | { kind: 'failed'; error: unknown };
interface Arrived {
  readonly item: unknown;
  readonly bytes: number;
}

/** The items of one stream between the connection and their consumer. */
export class StreamReader implements AsyncIterable<unknown> {
  readonly #onChange: () => void;
  #arrived: Arrived[] = [];
  #queuedBytes = 0;
  #end: End | undefined;
  #wake: (() => void) | undefined;

  /** `onChange` is told when `lags` or `isAwaited` may have changed on the consumer's side. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** So much has arrived that no more should. */
  get lags(): boolean {
    return this.#queuedBytes > maxUnreadBytes;
  }

  /** The consumer has nothing to do until an item arrives. */
  get isAwaited(): boolean {
    return this.#wake !== undefined;
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  push(item: unknown, bytes: number): void {
    if (this.isOver) return;
    this.#arrived.push({ item, bytes });
    this.#queuedBytes += bytes;
    if (this.#queuedBytes > maxLiveUnreadBytes) this.fail(fellBehind());
    this.#awake();
  }

  finish(): void {
    this.#close({ kind: 'done' });
  }

  fail(error: unknown): void {
    this.#close({ kind: 'failed', error });
  }

  /** What arrived before the end is still given out. */
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    for (;;) {
      const arrived = this.#arrived;
      this.#arrived = [];
      for (const { item, bytes } of arrived) {
        this.#queuedBytes -= bytes;
        this.#onChange();
        yield item;
      }
      if (this.#arrived.length > 0) continue;
      if (this.#end?.kind === 'failed') throw this.#end.error;
      if (this.#end?.kind === 'done') return;
      const more = new Promise<void>((resolve) => (this.#wake = resolve));
      this.#onChange();
      await more;
    }
  }

  #close(end: End): void {
    this.#end ??= end;
    this.#awake();
  }

  #awake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
