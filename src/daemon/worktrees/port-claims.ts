import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import type { PortRange } from '../../contract/models.ts';
import { overlaps } from './ports.ts';

/** In the abstract namespace (unix(7)), which like ports belongs to a network namespace and has nothing in the file system. */
const nameOf = ({ start, end }: PortRange): string => `\0wtd:ports:${start}-${end}`;
/** As /proc/net/unix(5) shows such a name. */
const shownName = /@wtd:ports:(?<start>\d+)-(?<end>\d+)(?:@|$)/;

/**
 * Tells every other daemon of the machine which port ranges this one has given out, each by a socket that the kernel
 * takes away with the process. Where there is no such namespace (macOS) every claim is granted.
 */
export class PortClaims {
  readonly #held = new Map<string, { range: PortRange; server: Server }>();

  /** Answers false when another daemon has a port of it. */
  async claim(range: PortRange): Promise<boolean> {
    const name = nameOf(range);
    if (process.platform !== 'linux' || this.#held.has(name)) return true;
    const server = await listen(name);
    if (server === 'taken') return false;
    this.#held.set(name, { range, server });
    // Looked at afterwards, so that of two who claim at once at least one sees the other.
    if (!(await this.others()).some((other) => overlaps(other, range))) return true;
    this.#release(name);
    return false;
  }

  /** What other daemons have given out. */
  async others(): Promise<PortRange[]> {
    return (await claimedRanges()).filter((range) => !this.#held.has(nameOf(range)));
  }

  /** Gives back whatever is not among these. */
  keepOnly(ranges: readonly PortRange[]): void {
    const kept = new Set(ranges.map(nameOf));
    for (const name of [...this.#held.keys()]) if (!kept.has(name)) this.#release(name);
  }

  #release(name: string): void {
    this.#held.get(name)?.server.close();
    this.#held.delete(name);
  }
}

async function claimedRanges(): Promise<PortRange[]> {
  const sockets = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  return sockets.split('\n').flatMap((line) => {
    const { start, end } = shownName.exec(line)?.groups ?? {};
    return start === undefined ? [] : [{ start: Number(start), end: Number(end) }];
  });
}

function listen(name: string): Promise<Server | 'taken'> {
  const server = createServer((connection) => {
    connection.destroy();
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve('taken');
      else reject(error);
    });
    server.listen(name, () => {
      resolve(server);
    });
  });
}
