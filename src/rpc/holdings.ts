import { limitReached } from './errors.ts';
import { maxHeldBytes, maxStreamsOfAll } from './limits.ts';

/** Who holds less does not matter. */
const fewBytes = 64 * 1024;

/** A connection, for whose client something is held. */
export interface Holder {
  readonly heldBytes: number;
  /** Ends it at once; what was held is let go. */
  drop(): void;
}

/**
 * What a server holds in memory for all of its clients: answers that nobody read, lines that nobody ended. Past the
 * limit it drops who has taken nothing for longest, so that many connections cannot do together what one may not.
 */
export class Holdings {
  readonly #onDrop: () => void;
  /** The one that got on with it last comes last. */
  readonly #bytes = new Map<Holder, number>();
  #total = 0;
  #streams = 0;

  constructor(onDrop: () => void = () => undefined) {
    this.#onDrop = onDrop;
  }

  get totalBytes(): number {
    return this.#total;
  }

  /** Called when a holder holds more or less than before. */
  update(holder: Holder): void {
    const before = this.#bytes.get(holder) ?? 0;
    const now = holder.heldBytes < fewBytes ? 0 : holder.heldBytes;
    if (now < before) this.#bytes.delete(holder);
    if (now > 0) this.#bytes.set(holder, now);
    this.#total += now - before;
    while (this.#total > maxHeldBytes) this.#dropOne();
  }

  forget(holder: Holder): void {
    this.#total -= this.#bytes.get(holder) ?? 0;
    this.#bytes.delete(holder);
  }

  /** Throws LIMIT_REACHED when there are too many already. */
  openStream(): void {
    if (this.#streams >= maxStreamsOfAll) throw limitReached('open streams of all connections', maxStreamsOfAll);
    this.#streams++;
  }

  closeStream(): void {
    this.#streams--;
  }

  #dropOne(): void {
    for (const [holder] of this.#bytes) {
      this.forget(holder);
      this.#onDrop();
      holder.drop();
      return;
    }
  }
}
