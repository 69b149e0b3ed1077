import { Looks, type Look } from './looks.ts';
import { listProcesses, startedWith, type ProcessEntry } from './process-table.ts';

interface Known {
  pid: number;
  start: string;
}

/** What the kernel keeps together of a run, whatever its processes do. */
export interface Hold {
  /** Pids, the parent's among them; none where the kernel keeps nothing together. */
  members(): Promise<number[]>;
  /** Keeps them from running, or lets them go on. */
  freeze(isFrozen: boolean): Promise<void>;
}

/** What is known of a run's processes. */
export interface TreeRoots {
  run: string;
  /** The run's parent, leader of the run's session: it survives its children to write down how they ended. */
  parent: Known | null;
  /** The command itself. */
  child: Known | null;
  /** The parents of other runs: they and all below them are not this run's, even where they lie below it. */
  others?: readonly Known[];
  hold?: Hold;
  /** How to look at the machine; shared by all who look at once. */
  look?: () => Promise<Look>;
  /** The parent ended while we watched, so its session's number cannot have been given again yet. */
  justEnded?: boolean;
  /** Found earlier, by pid: a process stays one of the run's even when all that tied it to the run has ended. */
  found?: ReadonlyMap<number, string>;
}

/** What was seen of the processes beside the table. */
interface Evidence {
  /** By pid, the run that a process was started for. */
  marks?: ReadonlyMap<number, string>;
  members?: ReadonlySet<number>;
}

export interface Tree {
  entries: ProcessEntry[];
  /** The leader of the run's process group; null when a signal to the group could reach anybody else. */
  leader: Known | null;
}

/** What a daemon calls itself; see src/main.ts. */
const daemonTitle = 'wtd-daemon';

/**
 * The run's processes without its parent: everything in its session, below its command, with its mark, and what the
 * kernel keeps together. Pure.
 * A session counts only while its leader is the run's parent, because its number can be given again afterwards.
 */
export function selectTree(
  processes: readonly ProcessEntry[],
  roots: TreeRoots,
  { marks, members }: Evidence = {},
): ProcessEntry[] {
  const session = provenSession(processes, roots);
  const strangers = listStrangers(processes, roots, { session, marks });
  const isRoot = (entry: ProcessEntry) =>
    entry.session === session ||
    isKnown(entry, roots.child) ||
    members?.has(entry.pid) === true ||
    marks?.get(entry.pid) === roots.run ||
    roots.found?.get(entry.pid) === entry.start;
  const selected = withAllBelow(processes, { isRoot, isBarred: ({ pid }) => strangers.has(pid) });
  return processes.filter((entry) => selected.has(entry.pid) && !entry.zombie && !isKnown(entry, roots.parent));
}

/** The tree as it is now, with those that left the session but carry the run's mark or are held by the kernel. */
export async function findWholeTree(roots: TreeRoots): Promise<Tree> {
  const { look = () => new Looks().next() } = roots;
  const { processes, marks } = await look();
  // After the table: whoever is the same at its signal as in the table was it in between, too.
  const members = new Set(await roots.hold?.members());
  const entries = selectTree(processes, roots, { marks, members });
  return { entries, leader: findLeader(processes, { entries, roots }) };
}

/** Every process that was started with this variable in its environment. */
export async function findMarked(variable: string, value: string): Promise<ProcessEntry[]> {
  const found: ProcessEntry[] = [];
  for (const entry of await listProcesses()) {
    const isCandidate = entry.pid !== process.pid && !entry.zombie;
    if (isCandidate && (await startedWith(entry.pid, variable)) === value) found.push(entry);
  }
  return found;
}

/**
 * Pids of this daemon, of every daemon that was started for itself, of other runs, and of all below these. They can
 * lie below a run that started them, and this run below them: there they end.
 */
function listStrangers(
  processes: readonly ProcessEntry[],
  { run, parent, child, others = [] }: TreeRoots,
  { session, marks }: { session: number | undefined; marks: Evidence['marks'] },
): Set<number> {
  const isOwn = (entry: ProcessEntry) => isKnown(entry, parent) || isKnown(entry, child);
  const isRoot = (entry: ProcessEntry) =>
    entry.pid === process.pid ||
    (entry.name === daemonTitle && entry.session === entry.pid) ||
    others.some((other) => isKnown(entry, other)) ||
    (entry.session !== session && (marks?.get(entry.pid) ?? run) !== run);
  return withAllBelow(processes, { isRoot, isBarred: isOwn });
}

function withAllBelow(
  processes: readonly ProcessEntry[],
  { isRoot, isBarred }: Record<'isRoot' | 'isBarred', (entry: ProcessEntry) => boolean>,
): Set<number> {
  const open = processes.filter((entry) => !isBarred(entry));
  const selected = new Set(open.filter(isRoot).map(({ pid }) => pid));
  for (let before = -1; before !== selected.size;) {
    before = selected.size;
    for (const { pid, parent } of open) if (selected.has(parent)) selected.add(pid);
  }
  return selected;
}

function provenSession(processes: readonly ProcessEntry[], { parent, justEnded }: TreeRoots): number | undefined {
  const leader = processes.find(({ pid }) => pid === parent?.pid);
  const isProven = leader ? isKnown(leader, parent) : justEnded === true;
  return isProven ? parent?.pid : undefined;
}

function findLeader(
  processes: readonly ProcessEntry[],
  { entries, roots: { parent } }: { entries: readonly ProcessEntry[]; roots: TreeRoots },
): Known | null {
  const leader = processes.find((entry) => isKnown(entry, parent));
  if (leader?.group !== leader?.pid) return null;
  const own = new Set(entries.map(({ pid }) => pid).concat(leader?.pid ?? []));
  const isShared = processes.some(({ pid, group, zombie }) => group === leader?.pid && !zombie && !own.has(pid));
  return isShared ? null : parent;
}

const isKnown = (entry: ProcessEntry, known: Known | null): boolean =>
  known !== null && entry.pid === known.pid && entry.start === known.start;
