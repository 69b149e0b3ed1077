import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { parseStat } from '../../src/daemon/runs/process-table.ts';
import { until } from './until.ts';

const read = (pid: number, file: 'stat' | 'environ'): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined;
  }
};

const find = (pid: number) => parseStat(read(pid, 'stat') ?? '');

/** Whether a process has this pid and is no zombie. */
export const isAlive = (pid: number): boolean => find(pid)?.zombie === false;

/** How many descriptors a process has open. */
/** The files that a process has open. */
export const filesOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${descriptor}`)];
    } catch {
      return []; // closed meanwhile
    }
  });

export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Its memory in bytes, shared pages included. */
export function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(?<kilobytes>\d+)/m.exec(status)?.groups?.['kilobytes']) * 1024;
}

/** The parent of a process: of a run's command, its shim. */
export const parentOf = (pid: number): number => find(pid)?.parent ?? 0;

export const untilGone = (pid: number): Promise<boolean> => until(() => !isAlive(pid), `process ${pid} is gone`);

function listMarked(isMarked: (environment: readonly string[]) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => isAlive(pid) && isMarked((read(pid, 'environ') ?? '').split('\0')));
}

/** The processes that were started as a part of a run, wherever they went: its shim, its command and all below. */
export const pidsOf = (run: string): number[] => listMarked((variables) => variables.includes(`WTD_RUN=${run}`));

/** The processes that were told of a daemon's home or socket: the daemon, its clients and its runs. */
export const pidsAround = (home: string): number[] =>
  listMarked(
    (variables) => variables.includes(`WTD_HOME=${home}`) || variables.includes(`WTD_SOCKET=${home}/wtd.sock`),
  );

/** Sends a signal to a process that this test's own daemon or run made; one that is gone already is no matter. */
export function send(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) throw new Error(`no signal is sent to pid ${pid}`);
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
