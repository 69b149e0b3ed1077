/** Keeps what was used last, up to a weight in all; the rest has to be found out again. */
export class BoundedMap<V> {
  readonly #values = new Map<string, V>();
  readonly #mostWeight: number;
  readonly #weigh: (value: V) => number;
  #weight = 0;

  constructor(mostWeight: number, weigh: (value: V) => number) {
    this.#mostWeight = mostWeight;
    this.#weigh = weigh;
  }

  get(key: string): V | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#drop(key);
    this.#values.set(key, value);
    this.#weight += this.#weigh(value);
    for (const oldest of this.#values.keys()) {
      if (this.#weight <= this.#mostWeight) return;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    this.#weight -= this.#weigh(value);
    this.#values.delete(key);
  }
}
