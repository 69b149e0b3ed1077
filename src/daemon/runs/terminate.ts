import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { faultPoint } from '../../base/fault-point.ts';
import { isRunning, signalGroup, signalProcess } from './identity.ts';
import type { ProcessEntry } from './process-table.ts';
import { findMarked, findWholeTree, type Tree, type TreeRoots } from './tree.ts';

/** After KILL the kernel may need a moment, longer only for a process stuck in the kernel. */
const killPatienceMs = 10_000;
/** Trees held still at once: more would only wait for each other with everything in them stopped. */
const mostHeld = 4;
const shortestPauseMs = 2;
const longestPauseMs = 250;

interface Patience {
  /** Between TERM and KILL; 0 is KILL at once. */
  graceMs: number;
  /** Cuts the grace short. */
  hurry?: AbortSignal;
  /** Leaves everything as it is. */
  leave?: AbortSignal;
}

/**
 * Ends a run's whole process tree: TERM (and CONT, for what was stopped), grace, KILL. Each process is identified
 * again right before its signal. Answers true when everything is gone.
 */
export const terminateTree = (roots: TreeRoots, patience: Patience): Promise<boolean> =>
  terminate(roots, { ...patience, isMeant: () => true });

/**
 * Ends what a command left in its own session when it ended. What moved to a session of its own meant to stay: it is
 * ended only when somebody stops the run.
 */
export const terminateLeftovers = (roots: TreeRoots, patience: Patience): Promise<boolean> =>
  terminate(roots, { ...patience, isMeant: ({ session }) => session === roots.parent?.pid });

/** Lets every process of a tree go on. */
export async function continueTree(roots: TreeRoots): Promise<void> {
  await signalEach((await findWholeTree(roots)).entries, 'SIGCONT');
}

/** Ends at once every process that was started with this variable in its environment, and waits until it is gone. */
export async function endMarked(variable: string, value: string): Promise<void> {
  const deadline = performance.now() + killPatienceMs;
  for (;;) {
    const marked = await findMarked(variable, value);
    if (marked.length === 0 || performance.now() > deadline) return;
    await signalEach(marked, 'SIGKILL');
    await sleep(shortestPauseMs);
  }
}

async function terminate(
  roots: TreeRoots,
  { graceMs, hurry, leave, isMeant }: Patience & { isMeant: (entry: ProcessEntry) => boolean },
): Promise<boolean> {
  const found = new Map<number, string>();
  const find = async (): Promise<Tree> => {
    const { entries, leader } = await findWholeTree({ ...roots, found });
    const meant = entries.filter(isMeant);
    for (const { pid, start } of meant) found.set(pid, start);
    return { entries: meant, leader };
  };
  // Far cheaper than to look for all of them.
  const areKnownGone = async () => {
    for (const [pid, start] of found) if (await isRunning({ pid, start })) return false;
    return true;
  };
  const isLeft = () => leave?.aborted === true;
  if (isLeft()) return false;
  if (graceMs > 0) {
    await letGo(roots); // a daemon that died in the middle of this may have left it so
    const tree = await find();
    for (const signal of ['SIGTERM', 'SIGCONT'] as const) await signalTree(tree, signal);
    faultPoint('stop: asked');
    const isEmpty = async () => (await areKnownGone()) && (await heldStill(roots, { find })) === 0;
    if (await becomes(isEmpty, { patienceMs: graceMs, signals: [hurry, leave] })) return true;
  }
  let deadline = Infinity; // from the first signal on: before it there may be many others to be killed
  while (performance.now() < deadline && !isLeft()) {
    // Again and again, because what is not held still may fork between the look and the signal.
    if ((await heldStill(roots, { find, signal: 'SIGKILL' })) === 0) return true;
    faultPoint('stop now: killed');
    deadline = Math.min(deadline, performance.now() + killPatienceMs);
    await becomes(areKnownGone, { patienceMs: longestPauseMs, signals: [leave] });
  }
  return false;
}

const holds = pLimit(mostHeld);

/**
 * Signals all of the tree and answers how many they were. Held still meanwhile, or a storm of forks would not be seen
 * whole: each process gone when it is looked at, and the next one not yet there.
 */
function heldStill(
  roots: TreeRoots,
  { find, signal }: { find: () => Promise<Tree>; signal?: NodeJS.Signals },
): Promise<number> {
  return holds(async () => {
    await roots.hold?.freeze(true);
    try {
      let tree = await find();
      if (tree.leader && (await signalGroup(tree.leader, 'SIGSTOP'))) tree = await find();
      if (signal) await signalEach(tree.entries, signal);
      return tree.entries.length;
    } finally {
      await letGo(roots);
    }
  });
}

/** The whole group: who is not killed has to end, and the parent to write down how its command did. */
async function letGo({ hold, parent }: TreeRoots): Promise<void> {
  if (parent) await signalGroup(parent, 'SIGCONT');
  await hold?.freeze(false);
}

/** At once to the run's process group, then to those that left it; one by one where the group is not the run's alone. */
async function signalTree({ entries, leader }: Tree, signal: NodeJS.Signals): Promise<void> {
  const isReached = leader !== null && (await signalGroup(leader, signal));
  await signalEach(isReached ? entries.filter(({ group }) => group !== leader.pid) : entries, signal);
}

async function signalEach(entries: readonly ProcessEntry[], signal: NodeJS.Signals): Promise<void> {
  for (const entry of entries) await signalProcess(entry, signal);
}

/** Most trees end within milliseconds, so it asks often at first and then ever less. */
async function becomes(
  condition: () => Promise<boolean>,
  options: { patienceMs: number; signals: readonly (AbortSignal | undefined)[] },
): Promise<boolean> {
  const deadline = performance.now() + options.patienceMs;
  const signal = AbortSignal.any(options.signals.flatMap((given) => given ?? []));
  for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if (await condition()) return true;
    if (performance.now() >= deadline || signal.aborted) return false;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}
