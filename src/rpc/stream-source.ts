export interface StreamControl {
  /** Aborted when nobody reads any more; the source then has to end. */
  readonly signal: AbortSignal;
  /** From now on the source does not wait for its reader: one that falls too far behind is cut off. */
  readonly live: () => void;
}

/** What a streaming method gives: opened once its answer is written. */
export class StreamSource<T> {
  readonly open: (control: StreamControl) => AsyncIterable<T>;

  constructor(open: (control: StreamControl) => AsyncIterable<T>) {
    this.open = open;
  }
}
