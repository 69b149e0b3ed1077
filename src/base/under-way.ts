/** What is being worked on right now, so that nobody takes it for forgotten. */
export class UnderWay {
  readonly #ids = new Map<string, number>();

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  async during<T>(id: string, task: () => Promise<T>): Promise<T> {
    this.#ids.set(id, (this.#ids.get(id) ?? 0) + 1);
    try {
      return await task();
    } finally {
      const left = (this.#ids.get(id) ?? 1) - 1;
      if (left > 0) this.#ids.set(id, left);
      else this.#ids.delete(id);
    }
  }
}
