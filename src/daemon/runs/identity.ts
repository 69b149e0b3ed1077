import { readFileSync } from 'node:fs';
import { runCommand } from '../commands/commands.ts';
import { findProcess, type ProcessEntry } from './process-table.ts';

/** What tells one process from all others that ever had its pid. */
export interface ProcessIdentity {
  bootId: string;
  pid: number;
  start: string;
}

/** Told apart, because unknown is not dead. */
export type Liveness = 'alive' | 'gone' | 'unknown';

/** Changes with every boot of the machine. */
export async function readBootId(): Promise<string> {
  if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return runCommand({
    program: 'sysctl',
    args: ['-n', 'kern.boottime'],
    env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', LC_ALL: 'C' },
    timeoutMs: 5000,
  });
}

/** pid 0 and 1 and negative numbers are never ours: a signal to them would reach everybody. */
const isSignallable = (pid: number): boolean => Number.isSafeInteger(pid) && pid > 1;

export async function identify(pid: number, bootId: string): Promise<ProcessIdentity | undefined> {
  const entry = isSignallable(pid) ? await findProcess(pid) : undefined;
  return entry && !entry.zombie ? { bootId, pid, start: entry.start } : undefined;
}

/** A zombie counts as gone: it runs nothing any more. */
export async function liveness(identity: ProcessIdentity, bootId: string): Promise<Liveness> {
  if (identity.bootId !== bootId) return 'gone';
  if (identity.start === '') return 'unknown';
  const entry = await findProcess(identity.pid);
  if (entry === undefined) return isAbsent(identity.pid) ? 'gone' : 'unknown';
  return isSame(entry, identity) ? 'alive' : 'gone';
}

const isSame = (entry: ProcessEntry, identity: ProcessIdentity): boolean =>
  entry.start === identity.start && !entry.zombie;

/** The kernel's own word, for when the table could not be read. */
function isAbsent(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Sends a signal only to the very process meant. Answers whether it was sent. */
export async function signalProcess(
  target: Pick<ProcessIdentity, 'pid' | 'start'>,
  signal: NodeJS.Signals,
): Promise<boolean> {
  return (await isRunning(target)) && send(target.pid, signal);
}

/**
 * Sends a signal at once to all of a group that this very process leads, so that nobody forks away from it. As long as
 * its leader lives, the group's number is nobody else's.
 */
export async function signalGroup(
  leader: Pick<ProcessIdentity, 'pid' | 'start'>,
  signal: NodeJS.Signals,
): Promise<boolean> {
  return (await isRunning(leader)) && send(-leader.pid, signal);
}

/** Whether it runs, and may be signalled. */
export async function isRunning({ pid, start }: Pick<ProcessIdentity, 'pid' | 'start'>): Promise<boolean> {
  if (!isSignallable(pid) || pid === process.pid) return false;
  const entry = await findProcess(pid);
  return entry?.start === start && !entry.zombie;
}

function send(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false;
  }
}
