type Undo = () => void | Promise<void>;

/**
 * Collects what must be undone and undoes it in reverse order; one failure does not keep the others from running.
 * Stands in for AsyncDisposableStack, which Node 20 does not have.
 */
export class Disposal implements AsyncDisposable {
  #undos: Undo[] = [];

  defer(undo: Undo): void {
    this.#undos.push(undo);
  }

  use<T extends AsyncDisposable>(resource: T): T {
    this.defer(() => resource[Symbol.asyncDispose]() as Promise<void>);
    return resource;
  }

  /** Hands the duty over: what was collected stays in place. */
  release(): void {
    this.#undos = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (const undo of this.#undos.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'some things could not be undone');
  }
}
