import { readdir, readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { runCommand } from '../commands/commands.ts';

/** One process as the operating system knows it now. `start` identifies it among all that ever had its pid. */
export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  session: number;
  start: string;
  zombie: boolean;
  /** Stopped where it is, by a signal. */
  stopped: boolean;
  /** What it calls itself, at most 15 characters; empty where the system does not tell. */
  name: string;
}

const onLinux = process.platform === 'linux';
const psTimeoutMs = 5000;

/** Every process of the machine. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  if (!onLinux) return listWithPs([]);
  return (await listPids()).flatMap((pid) => readEntry(pid) ?? []);
}

/** The process that has this pid now; undefined when there is none. */
export async function findProcess(pid: number): Promise<ProcessEntry | undefined> {
  return onLinux ? readEntry(pid) : (await listWithPs(['-p', String(pid)]))[0];
}

/** A value from the environment a process was started with; undefined when it has none or may not be read. */
export async function startedWith(pid: number, variable: string): Promise<string | undefined> {
  const entry = (await readWords(pid, 'environ')).find((text) => text.startsWith(`${variable}=`));
  return entry?.slice(variable.length + 1);
}

/**
 * The environment a process was started with, or its command; empty when there is none or it may not be read. Not
 * synchronous: for these the kernel looks into the memory of the process, which may take long.
 */
export async function readWords(pid: number, file: 'environ' | 'cmdline'): Promise<string[]> {
  if (!onLinux) return [];
  try {
    return (await readFile(`/proc/${pid}/${file}`, 'utf8')).split('\0').filter((word) => word !== '');
  } catch {
    return [];
  }
}

/** The pids of the machine. */
export async function listPids(): Promise<number[]> {
  if (!onLinux) return (await listWithPs([])).map(({ pid }) => pid);
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Synchronous on purpose: /proc is memory, and a thread-pool round trip a process would cost far more. */
function readEntry(pid: number): ProcessEntry | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** proc(5): the name in parentheses may hold anything, so the fields are counted from the last one. */
export function parseStat(text: string): ProcessEntry | undefined {
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  const [state, parent, group, session] = fields;
  const start = fields[19];
  if (nameEnd < 0 || start === undefined) return undefined;
  return {
    pid: parseInt(text, 10),
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    start,
    zombie: state === 'Z' || state === 'X',
    stopped: state === 'T',
    name: text.slice(text.indexOf('(') + 1, nameEnd),
  };
}

const ticksPerSecond = 100; // USER_HZ, the same on every Linux

/** How long ago a process with this start time began, by the clock that nobody sets; undefined where it is not told. */
export function ageMs(start: string): number | undefined {
  if (!onLinux) return undefined;
  const uptime = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
  const age = (uptime - Number(start) / ticksPerSecond) * 1000;
  return Number.isFinite(age) ? Math.max(0, age) : undefined;
}

/** Bytes, with its part of what it shares with others; undefined when that may not be read. */
export async function readProportionalMemory(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1').catch(() => '');
  const kilobytes = /^Pss:\s+(?<kilobytes>\d+) kB/m.exec(text)?.groups?.['kilobytes'];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** ps(1) of macOS and the BSDs; `lstart` is five words. */
async function listWithPs(selection: readonly string[]): Promise<ProcessEntry[]> {
  const args = ['-o', 'pid=,ppid=,pgid=,sess=,stat=,lstart=', ...(selection.length > 0 ? selection : ['-A'])];
  const output = await runCommand({
    program: 'ps',
    args,
    env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' },
    timeoutMs: psTimeoutMs,
  }).catch(() => '');
  return output
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words.length >= 10)
    .map(([pid, parent, group, session, state, ...start]) => ({
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      session: Number.parseInt(session ?? '0', 16),
      start: start.join(' '),
      zombie: state?.startsWith('Z') ?? false,
      stopped: state?.startsWith('T') ?? false,
      name: '',
    }));
}
