import { lstatSync } from 'node:fs';
import { WtdError } from '../contract/errors.ts';
import type { Paths } from './paths.ts';

const lookMs = 1000;

interface Parts {
  paths: Paths;
  keepReachable: () => Promise<void>;
  /** Writes the database again when its file is gone. */
  keepDatabase: () => void;
  /** The lock is gone, so this daemon may not go on. */
  onLost: (loss: WtdError) => void;
}

/**
 * Looks every second whether this daemon can still be found, and whether its lock still keeps others out: without the
 * file that is locked the next daemon would make another, and there would be two.
 */
export class HomeWatch implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #lock: bigint | undefined;
  readonly #timer: NodeJS.Timeout;
  #look: Promise<void> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#lock = inodeOf(parts.paths.lock);
    this.#timer = setInterval(() => {
      this.#look = this.#look.then(() => this.#lookOnce());
    }, lookMs).unref();
  }

  async #lookOnce(): Promise<void> {
    const { paths, keepReachable, keepDatabase, onLost } = this.#parts;
    if (inodeOf(paths.lock) === this.#lock) {
      keepDatabase();
      await keepReachable();
    } else {
      clearInterval(this.#timer);
      onLost(lockLost(paths));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#look;
  }
}

/** Undefined when it is not there. */
const inodeOf = (file: string): bigint | undefined => lstatSync(file, { bigint: true, throwIfNoEntry: false })?.ino;

const lockLost = ({ home, lock }: Paths): WtdError =>
  new WtdError('INVALID_STATE', `${lock} was moved, removed or replaced under the daemon, which ends; runs live on`, {
    hint: `put ${home} back where it was; the next command starts a daemon there`,
    state: 'lock lost',
    allowed: ['the lock in its place'],
  });
