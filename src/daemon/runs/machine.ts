import type { LimitName, RunReason, RunState } from '../../contract/models.ts';

/*
 *   queued -> starting -> running <-> paused -> stopping -> succeeded | failed | stopped | lost
 *
 * A start that a dead daemon left before the exec goes back to the queue.
 */
const next: Record<RunState, readonly RunState[]> = {
  queued: ['starting', 'stopped', 'failed'],
  starting: ['queued', 'running', 'stopping', 'failed', 'stopped', 'lost'],
  running: ['paused', 'stopping', 'succeeded', 'failed', 'lost'],
  paused: ['running', 'stopping', 'succeeded', 'failed', 'lost'],
  stopping: ['failed', 'stopped', 'lost'],
  succeeded: [],
  failed: [],
  stopped: [],
  lost: [],
};

export const mayBecome = (from: RunState, to: RunState): boolean => next[from].includes(to);

export const isActive = (state: RunState): boolean => next[state].length > 0;

/** How a run ended, to the best of what is known. */
export interface Ending {
  state: 'succeeded' | 'failed' | 'stopped' | 'lost';
  reason: RunReason | null;
  exitCode: number | null;
  signal: string | null;
}

interface Exit {
  exitCode: number;
  signal: string | null;
  /** Of its processes, killed by the kernel for want of memory. */
  oomKills?: number;
}

/** A command that ended by itself or by signal; `stopAsked`: somebody wanted it to. */
export function endingOf(exit: Exit, stopAsked: boolean): Ending {
  const { signal } = exit;
  const exitCode = signal === null ? exit.exitCode : null;
  if (stopAsked) return { state: 'stopped', reason: null, exitCode, signal };
  if (exitCode === 0) return { state: 'succeeded', reason: null, exitCode, signal };
  if ((exit.oomKills ?? 0) > 0) return { state: 'failed', reason: 'memory', exitCode, signal };
  return { state: 'failed', reason: signal === null ? 'exit' : 'signal', exitCode, signal };
}

/** A stop that wtd itself ordered, because of a broken limit, is a failure. */
export const blamedOn = (breach: LimitName | null, ending: Ending): Ending =>
  breach !== null && ending.state === 'stopped' ? { ...ending, state: 'failed', reason: breach } : ending;

/** A command that could not be executed; `exitCode` is the shell's 126 or 127. */
export const unstartableEnding = (exitCode: number | null): Ending => ({
  state: 'failed',
  reason: 'spawn',
  exitCode,
  signal: null,
});

/** A process that is provably gone and left no record. */
export const vanishedEnding = (why: 'reboot' | 'killed', stopAsked: boolean): Ending =>
  stopAsked && why === 'killed' ? stoppedEnding : { state: 'lost', reason: why, exitCode: null, signal: null };

/** Somebody asked, and how the command took it is not known. */
export const stoppedEnding: Ending = { state: 'stopped', reason: null, exitCode: null, signal: null };
