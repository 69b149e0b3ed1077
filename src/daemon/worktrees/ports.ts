import { createServer } from 'node:net';
import type { WorktreeRow } from '../registry/rows.ts';
import type { PortRange } from '../../contract/models.ts';

export interface PortSettings {
  base: number;
  range_size: number;
  last: number;
}

/** Whether two ranges have a port in common. Pure. */
export const overlaps = (one: PortRange, other: PortRange): boolean => one.start <= other.end && other.start <= one.end;

/** Every range of the settings that overlaps none of the leased ones, the lowest first. Pure. */
export function* freeRanges(settings: PortSettings, leased: readonly PortRange[]): Generator<PortRange> {
  for (let start = settings.base; start + settings.range_size - 1 <= settings.last; start += settings.range_size) {
    const range = { start, end: start + settings.range_size - 1 };
    if (!leased.some((taken) => overlaps(taken, range))) yield range;
  }
}

/** The first range that is neither leased nor listened on, and that could be claimed; undefined: there is none. */
export async function findRange(
  settings: PortSettings,
  leased: readonly PortRange[],
  claim: (range: PortRange) => Promise<boolean>,
): Promise<PortRange | undefined> {
  for (const range of freeRanges(settings, leased)) {
    if ((await isQuiet(range)) && (await claim(range))) return range;
  }
  return undefined;
}

/** Whether nobody listens on any port of a range, on any address; binding is the only sure way to know. */
async function isQuiet({ start, end }: PortRange): Promise<boolean> {
  for (let port = start; port <= end; port += 1) {
    if (!(await canListen(port))) return false;
  }
  return true;
}

/** Without a host Node takes `::`, which collides with a listener on any address, or `0.0.0.0` where IPv6 is absent. */
function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

export const portsOf = (row: WorktreeRow): PortRange | null =>
  row.portStart === null || row.portEnd === null ? null : { start: row.portStart, end: row.portEnd };
