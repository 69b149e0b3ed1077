import { readFileSync } from 'node:fs';

/** The memory of a process that is in RAM, in MB of 1,000,000 bytes. */
export function readResidentMb(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no memory`);
  return (Number(kibibytes) * 1024) / 1e6;
}
