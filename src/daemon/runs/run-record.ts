/** What the parent of a run has written down so far, as one of these states. */
export type RunRecord =
  /** No daemon cancelled it, and no parent came up yet. */
  | { kind: 'unclaimed' }
  /** A daemon made the record first: no parent will ever run this. */
  | { kind: 'cancelled' }
  | { kind: 'claimed'; parent: Announced; child: Announced | null }
  | { kind: 'unstartable'; exitCode: number; at: number }
  | {
      kind: 'exited';
      parent: Announced;
      child: Announced | null;
      exitCode: number;
      signal: string | null;
      /** How many of its processes the kernel killed for want of memory. */
      oomKills: number;
      at: number;
    };

export interface Announced {
  pid: number;
  start: string;
}

export const cancelledMark = 'cancelled';

/**
 * Reads a record; see shim.sh for its lines. `signalNames` maps numbers to names, `writtenAt` (milliseconds since the
 * epoch) is when the last line came. Pure.
 */
export function parseRunRecord(
  text: string,
  { signalNames, writtenAt: at }: { signalNames: ReadonlyMap<number, string>; writtenAt: number },
): RunRecord {
  let parent: Announced | null = null;
  let child: Announced | null = null;
  let oomKills = 0;
  let shellSpoke = false;
  for (const line of text.split('\n')) {
    const [word, first = '', second = ''] = line.split(' ');
    if (line === cancelledMark) return { kind: 'cancelled' };
    else if (word === 'shim') parent = { pid: Number(first), start: second };
    else if (word === 'child') child = { pid: Number(first), start: second };
    else if (word === 'failed') return { kind: 'unstartable', exitCode: Number(first), at };
    else if (word === 'oom') oomKills = Number(first);
    else if (word === 'exit' && first !== '' && parent) {
      const signal = shellSpoke ? (signalNames.get(Number(first) - 128) ?? null) : null;
      return { kind: 'exited', parent, child, exitCode: Number(first), signal, oomKills, at };
    } else if (line !== '') shellSpoke = true;
  }
  return parent ? { kind: 'claimed', parent, child } : { kind: 'unclaimed' };
}
