const pauseMs = 10_000;

/** For what may happen very often: says it at once, then at most every ten seconds how often it happened since. */
export class Sparing implements Disposable {
  readonly #say: (times: number, about: unknown) => void;
  #times = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(say: (times: number, about: unknown) => void) {
    this.#say = say;
  }

  tell(about?: unknown): void {
    this.#times += 1;
    if (this.#timer) return;
    this.#say(this.#times, about);
    this.#times = 0;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#times === 0) return;
      this.#times -= 1; // it is counted again
      this.tell(about);
    }, pauseMs).unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
