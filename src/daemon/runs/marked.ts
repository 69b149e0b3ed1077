import { listPids, readWords } from './process-table.ts';

/** A process that was started as a part of a run. */
export interface MarkedProcess {
  pid: number;
  run: string;
  /** Its words as the process has them now. */
  command: readonly string[];
}

/** The processes that were started as a part of a run of the daemon behind this socket. Only Linux tells. */
export async function listMarked(socket: string): Promise<MarkedProcess[]> {
  const marked: MarkedProcess[] = [];
  for (const pid of await listPids()) {
    if (pid === process.pid) continue;
    const environment = await readWords(pid, 'environ');
    if (!environment.includes(`WTD_SOCKET=${socket}`)) continue;
    const run = environment.find((entry) => entry.startsWith('WTD_RUN='))?.slice('WTD_RUN='.length);
    if (run !== undefined) marked.push({ pid, run, command: await readWords(pid, 'cmdline') });
  }
  return marked;
}
