import { WtdError } from '../../../contract/errors.ts';
import { formatDuration } from '../../../base/duration.ts';

interface Wait<T> {
  /** Answers the place and takes it in the same step; undefined while there is none. Throws when there will be none. */
  attempt: () => T | undefined;
  /** Not at all when 0. */
  waitMs: number;
  /** Whoever is gone gives up. */
  signal: AbortSignal;
  /** What somebody is told who may not wait. */
  refusal: () => WtdError;
}

/** Tries once more; leaves the queue when that settles it. */
type Waiter = () => void;

/** In one pool; whoever asks beyond that is refused. */
const mostWaiters = 1000;
const longestTimeoutMs = 2 ** 31 - 1;

/** Those who wait for a place, first come first served; whoever waits for another thing is no obstacle. */
export class PoolWaiters {
  readonly #queues = new Map<string, Set<Waiter>>();

  count(key: string): number {
    return this.#queues.get(key)?.size ?? 0;
  }

  /** Serves everybody whose turn has come. Called whenever a place may have become free. */
  advance(key: string): void {
    for (const waiter of [...(this.#queues.get(key) ?? [])]) waiter();
  }

  /** Answers the place, once there is one. Throws TIMEOUT, or the refusal at once when there is no time to wait. */
  async enter<T>(key: string, { attempt, waitMs, signal, refusal }: Wait<T>): Promise<T> {
    if (this.count(key) >= mostWaiters) throw refusal();
    let timer: NodeJS.Timeout | undefined;
    let giveUp = (): void => undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const settled = <V>(settle: (value: V) => void) => {
          return (value: V) => {
            this.#leave(key, waiter);
            settle(value);
          };
        };
        const [succeed, fail] = [settled(resolve), settled<Error>(reject)];
        const waiter = () => {
          try {
            const place = attempt();
            if (place !== undefined) succeed(place);
          } catch (error) {
            fail(error as Error);
          }
        };
        this.#join(key, waiter);
        this.advance(key);
        if (!this.#queues.get(key)?.has(waiter)) return;
        giveUp = () => {
          fail(waitedInVain(waitMs));
        };
        if (waitMs === 0) fail(refusal());
        else if (signal.aborted) giveUp();
        signal.addEventListener('abort', giveUp);
        timer = setTimeout(giveUp, Math.min(waitMs, longestTimeoutMs));
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }

  #join(key: string, waiter: Waiter): void {
    const queue = this.#queues.get(key) ?? new Set<Waiter>();
    this.#queues.set(key, queue.add(waiter));
  }

  #leave(key: string, waiter: Waiter): void {
    const queue = this.#queues.get(key);
    queue?.delete(waiter);
    if (queue?.size === 0) this.#queues.delete(key);
  }
}

const waitedInVain = (waitMs: number): WtdError =>
  new WtdError('TIMEOUT', `no worktree became free within ${formatDuration(waitMs)}`, {
    hint: 'wait longer with --wait, or see who holds the worktrees with `wtd worktree list`',
  });
