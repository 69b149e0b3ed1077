import { listProcesses, startedWith, type ProcessEntry } from './process-table.ts';

interface Known {
  pid: number;
  start: string;
}

/** What is known of a run's processes. */
export interface TreeRoots {
  run: string;
  /** The run's parent, leader of the run's session: it survives its children to write down how they ended. */
  parent: Known | null;
  /** The command itself. */
  child: Known | null;
  /** The parent ended while we watched, so its session's number cannot have been given again yet. */
  justEnded?: boolean;
  /** Found earlier, by pid: a process stays one of the run's even when all that tied it to the run has ended. */
  found?: ReadonlyMap<number, string>;
}

/**
 * The run's processes without its parent: everything in its session and everything below its command. Pure.
 * What lies below this daemon is never below a run, even when the daemon was started from within it.
 * A session counts only while its leader is the run's parent, because its number can be given again afterwards.
 */
export function selectTree(processes: readonly ProcessEntry[], roots: TreeRoots): ProcessEntry[] {
  const session = provenSession(processes, roots);
  const selected = new Set<number>();
  for (const entry of processes) {
    if (entry.pid === process.pid) continue;
    const wasFound = roots.found?.get(entry.pid) === entry.start;
    if (entry.session === session || isKnown(entry, roots.child) || wasFound) selected.add(entry.pid);
  }
  for (let before = -1; before !== selected.size;) {
    before = selected.size;
    for (const { pid, parent } of processes) if (selected.has(parent) && pid !== process.pid) selected.add(pid);
  }
  return processes.filter((entry) => selected.has(entry.pid) && isEndable(entry, roots));
}

/** The tree, and those that left it but still carry the run's mark in their environment. */
export async function findWholeTree(roots: TreeRoots): Promise<ProcessEntry[]> {
  const processes = await listProcesses();
  const tree = selectTree(processes, roots);
  const known = new Set(tree.map(({ pid }) => pid));
  const others = processes.filter((entry) => !known.has(entry.pid) && isEndable(entry, roots));
  return [...tree, ...(await withMark(others, 'WTD_RUN', roots.run))];
}

/** Every process that was started with this variable in its environment. */
export async function findMarked(variable: string, value: string): Promise<ProcessEntry[]> {
  const others = (await listProcesses()).filter(({ pid, zombie }) => pid !== process.pid && !zombie);
  return withMark(others, variable, value);
}

async function withMark(processes: readonly ProcessEntry[], variable: string, value: string): Promise<ProcessEntry[]> {
  const marked: ProcessEntry[] = [];
  for (const entry of processes) if ((await startedWith(entry.pid, variable)) === value) marked.push(entry);
  return marked;
}

function provenSession(processes: readonly ProcessEntry[], { parent, justEnded }: TreeRoots): number | undefined {
  const leader = processes.find(({ pid }) => pid === parent?.pid);
  const isProven = leader ? isKnown(leader, parent) : justEnded === true;
  return isProven ? parent?.pid : undefined;
}

const isKnown = (entry: ProcessEntry, known: Known | null): boolean =>
  known !== null && entry.pid === known.pid && entry.start === known.start;

/** Never the daemon itself, even when it was started from within the run. */
const isEndable = (entry: ProcessEntry, roots: TreeRoots): boolean =>
  !entry.zombie && entry.pid !== process.pid && !isKnown(entry, roots.parent);
