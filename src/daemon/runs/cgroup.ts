import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the kernel enforces on a group; null: nothing. */
export interface Enforced {
  memoryBytes: number | null;
  /** One core is 100. */
  cpuPercent: number | null;
  tasks: number | null;
}

/** A process stuck in the kernel does not freeze, and does not fork either. */
const freezePatienceMs = 1000;

export const limitFiles = ['memory.max', 'cpu.max', 'pids.max'] as const;

/** Where /proc/self/mountinfo says that the root of the cgroup2 hierarchy is mounted. Pure. */
export function findCgroups(mountinfo: string): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ');
    const [type] = fields.slice(fields.indexOf('-') + 1);
    const [root, place] = fields.slice(3);
    if (type === 'cgroup2' && root === '/' && place !== undefined) {
      return place.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    }
  }
  return undefined;
}

/** The cgroup2 path in the text of /proc/PID/cgroup, such as `/user.slice/x.scope`. Pure. */
export const groupIn = (text: string): string | undefined => /^0::(?<path>\/.*)$/m.exec(text)?.groups?.['path'];

/** From the contents of `limitFiles`, in their order; of a file that is not there, undefined or nothing. Pure. */
export function parseEnforced([memory, cpu, tasks]: readonly (string | undefined)[]): Enforced {
  const [quota, period] = (cpu ?? '').trim().split(' ');
  const perPeriod = limitIn(quota);
  return {
    memoryBytes: limitIn(memory),
    cpuPercent: perPeriod === null ? null : Math.round((perPeriod / Number(period)) * 100),
    tasks: limitIn(tasks),
  };
}

const limitIn = (text: string | undefined): number | null => (/^\d+\s*$/.test(text ?? '') ? Number(text) : null);

/** The directory that cgroup2 is mounted at; undefined where there is none, and where it is not seen from its root. */
export const findCgroupsHere = async (): Promise<string | undefined> =>
  findCgroups(await readText('/proc/self/mountinfo'));

/** The directory of the group that a process is in. */
export async function findGroup(pid: number): Promise<string | undefined> {
  const cgroups = await findCgroupsHere();
  const path = groupIn(await readText(`/proc/${pid}/cgroup`));
  return cgroups === undefined || path === undefined ? undefined : join(cgroups, path);
}

export const readEnforced = async (group: string): Promise<Enforced> =>
  parseEnforced(await Promise.all(limitFiles.map((file) => readText(join(group, file)))));

/** The pids in a group and in all groups that were made within it. */
export async function readMembers(group: string): Promise<number[]> {
  const own = (await readText(join(group, 'cgroup.procs'))).split('\n').filter(Boolean).map(Number);
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  const within = entries.filter((entry) => entry.isDirectory()).map(({ name }) => readMembers(join(group, name)));
  return [...own, ...(await Promise.all(within)).flat()];
}

/**
 * With all groups within it. Frozen is each process at its next step, so it waits until all are. A group that is gone
 * has nobody to freeze, and one that this daemon was started in would freeze it for ever.
 */
export async function setFrozen(group: string, isFrozen: boolean): Promise<void> {
  if (isFrozen && (await readMembers(group)).includes(process.pid)) return;
  await writeFile(join(group, 'cgroup.freeze'), isFrozen ? '1' : '0', { flag: 'r+' }).catch(() => undefined);
  const deadline = performance.now() + freezePatienceMs;
  while (isFrozen && performance.now() < deadline) {
    const events = await readText(join(group, 'cgroup.events'));
    if (events === '' || /^frozen 1$/m.test(events)) return;
    await sleep(2);
  }
}

/** Nothing of what cannot be read. */
const readText = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
