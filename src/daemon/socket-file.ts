import { chmodSync, lstatSync, renameSync, rmSync, type BigIntStats } from 'node:fs';
import { dirname, join } from 'node:path';
import { WtdError } from '../contract/errors.ts';

/** What lies where our socket should be. */
export type Found = 'ours' | 'missing' | 'another socket';

/**
 * The file by which clients find the daemon. The socket is bound beside it and moved there: so the file is never half
 * made, and a server that closes, which unlinks the name it was bound to, does not take a later one's file away.
 */
export class SocketFile {
  readonly path: string;
  /** Where to bind; not longer than the path itself, of which the system cuts what is too long. */
  readonly boundPath: string;
  #inode: bigint | undefined;
  /** A service manager made it, and it is the manager's to remove. */
  #isBorrowed = false;

  constructor(path: string) {
    this.path = path;
    this.boundPath = join(dirname(path), 'wtd.next');
  }

  /** Throws INVALID_STATE when something else than a socket lies there. */
  look(): Found {
    const there = stat(this.path);
    if (there === undefined) return 'missing';
    if (!there.isSocket()) throw inTheWay(this.path);
    return there.ino === this.#inode ? 'ours' : 'another socket';
  }

  /** The file is there already, made by a service manager. */
  borrow(): void {
    this.#inode = stat(this.path)?.ino;
    this.#isBorrowed = true;
  }

  /** Before binding. The caller holds the lock of the home, so a socket that lies there belongs to nobody. */
  prepare(): void {
    this.look();
    rmSync(this.boundPath, { force: true });
  }

  /** After binding: for the user alone, and where clients look for it. */
  publish(): void {
    chmodSync(this.boundPath, 0o600);
    this.#inode = stat(this.boundPath)?.ino;
    renameSync(this.boundPath, this.path);
    this.#isBorrowed = false;
  }

  /** Whatever else lies there by now stays. */
  remove(): void {
    if (!this.#isBorrowed && stat(this.path)?.ino === this.#inode) rmSync(this.path, { force: true });
  }
}

const stat = (path: string): BigIntStats | undefined => lstatSync(path, { bigint: true, throwIfNoEntry: false });

const inTheWay = (path: string): WtdError =>
  new WtdError('INVALID_STATE', `${path} is not a socket, so no client can reach the daemon there`, {
    hint: 'move it away; a daemon that runs already then listens there again',
    state: 'taken',
    allowed: ['absent', 'a socket'],
  });
