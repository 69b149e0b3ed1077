/** Any byte stream with another side that may be slow, silent or gone. */
export interface Channel {
  write(text: string): void;
  /** Written, but not yet taken by the other side. */
  readonly unreadBytes: number;
  /** Some or all of it was taken. */
  onDrain(listener: () => void): void;
  onData(listener: (bytes: Uint8Array) => void): void;
  /** The other side sends no more, but may still read. */
  onEnd(listener: () => void): void;
  onClose(listener: () => void): void;
  pause(): void;
  resume(): void;
  /** Lets the other side take what was written, then says that no more will come. */
  end(): void;
  destroy(): void;
}
