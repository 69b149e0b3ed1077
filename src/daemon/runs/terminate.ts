import { setTimeout as sleep } from 'node:timers/promises';
import { faultPoint } from '../../base/fault-point.ts';
import { signalProcess } from './identity.ts';
import type { ProcessEntry } from './process-table.ts';
import { findMarked, findWholeTree, type TreeRoots } from './tree.ts';

/** After KILL the kernel may need a moment, longer only for a process stuck in the kernel. */
const killPatienceMs = 10_000;
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

/** Ends at once every process that was started with this variable in its environment, and waits until it is gone. */
export async function endMarked(variable: string, value: string): Promise<void> {
  const deadline = performance.now() + killPatienceMs;
  for (;;) {
    const marked = await findMarked(variable, value);
    if (marked.length === 0 || performance.now() > deadline) return;
    await signalAll(marked, ['SIGKILL']);
    await sleep(2);
  }
}

async function terminate(
  roots: TreeRoots,
  { graceMs, hurry, leave, isMeant }: Patience & { isMeant: (entry: ProcessEntry) => boolean },
): Promise<boolean> {
  const found = new Map<number, string>();
  const find = async (): Promise<ProcessEntry[]> => {
    const tree = (await findWholeTree({ ...roots, found })).filter(isMeant);
    for (const { pid, start } of tree) found.set(pid, start);
    return tree;
  };
  const isLeft = () => leave?.aborted === true;
  if (isLeft()) return false;
  if (graceMs > 0) {
    await signalAll(await find(), ['SIGTERM', 'SIGCONT']);
    faultPoint('stop: asked');
    if (await becomesEmpty(find, { patienceMs: graceMs, signals: [hurry, leave] })) return true;
  }
  const deadline = performance.now() + killPatienceMs;
  while (performance.now() < deadline && !isLeft()) {
    // Again and again, because a process may fork between the look and the signal.
    await signalAll(await find(), ['SIGKILL']);
    faultPoint('stop now: killed');
    if (await becomesEmpty(find, { patienceMs: longestPauseMs, signals: [leave] })) return true;
  }
  return false;
}

async function signalAll(tree: readonly ProcessEntry[], signals: readonly NodeJS.Signals[]): Promise<void> {
  for (const signal of signals) for (const entry of tree) await signalProcess(entry, signal);
}

/** Most trees end within milliseconds, so it looks often at first and then ever less. */
async function becomesEmpty(
  find: () => Promise<ProcessEntry[]>,
  options: { patienceMs: number; signals: readonly (AbortSignal | undefined)[] },
): Promise<boolean> {
  const deadline = performance.now() + options.patienceMs;
  const signal = AbortSignal.any(options.signals.flatMap((given) => given ?? []));
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if ((await find()).length === 0) return true;
    if (performance.now() >= deadline || signal.aborted) return false;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}
