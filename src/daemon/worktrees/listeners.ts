import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Listener } from '../../contract/port.ts';
import type { PortRange } from '../../contract/models.ts';
import { runCommand } from '../commands/commands.ts';
import { listPids, readWords } from '../runs/process-table.ts';

/** Few enough for the descriptors that a daemon may have. */
const readAtOnce = 16;
/** Whose sockets they are may stay unknown on a machine with very many descriptors. */
const patienceMs = 2000;
const longestCommand = 200;
const lsofTimeoutMs = 5000;

/** Who listens on TCP in any of these ranges, on whatever address, in the order of the ports. */
export async function findListeners(ranges: readonly PortRange[]): Promise<Listener[]> {
  const isWanted = ({ port }: { port: number }) => ranges.some(({ start, end }) => start <= port && port <= end);
  const found = process.platform === 'linux' ? await askProc(isWanted) : (await askLsof()).filter(isWanted);
  const unique = new Map(found.map((listener) => [`${listener.port} ${listener.pid ?? ''}`, listener]));
  return [...unique.values()].sort((a, b) => a.port - b.port || (a.pid ?? 0) - (b.pid ?? 0));
}

interface Socket {
  port: number;
  inode: string;
}

async function askProc(isWanted: (socket: Socket) => boolean): Promise<Listener[]> {
  const tables = ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'latin1').catch(() => ''));
  const sockets = (await Promise.all(tables)).flatMap(parseListening).filter(isWanted);
  const owners = await findOwners(new Set(sockets.map(({ inode }) => inode)));
  return Promise.all(
    sockets.map(async ({ port, inode }) => {
      const pid = owners.get(inode) ?? null;
      return { port, pid, command: pid === null ? null : await commandOf(pid) };
    }),
  );
}

/** The listening sockets of /proc/net/tcp or tcp6 (proc_net(5)): state 0A. Pure. */
export function parseListening(table: string): Socket[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A')
    .flatMap((fields) => {
      const port = parseInt(fields[1]?.split(':').at(-1) ?? '', 16);
      const inode = fields[9];
      return Number.isNaN(port) || inode === undefined ? [] : [{ port, inode }];
    });
}

/** The first process that has each socket open; a server's children share it. */
async function findOwners(inodes: ReadonlySet<string>): Promise<Map<string, number>> {
  const owners = new Map<string, number>();
  if (inodes.size === 0) return owners;
  const deadline = performance.now() + patienceMs;
  const pids = (await listPids()).sort((a, b) => a - b);
  for (let at = 0; at < pids.length; at += readAtOnce) {
    if (owners.size === inodes.size || performance.now() > deadline) break;
    const some = pids.slice(at, at + readAtOnce);
    const opened = await Promise.all(some.map(async (pid) => ({ pid, sockets: await socketsOf(pid) })));
    for (const { pid, sockets } of opened) {
      for (const inode of sockets) if (inodes.has(inode) && !owners.has(inode)) owners.set(inode, pid);
    }
  }
  return owners;
}

/** None where they may not be read, as those of another user. */
async function socketsOf(pid: number): Promise<string[]> {
  const directory = `/proc/${pid}/fd`;
  const names = await readdir(directory).catch((): string[] => []);
  const inodes: string[] = [];
  for (const name of names) {
    const target = await readlink(`${directory}/${name}`).catch(() => '');
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.push(inode);
  }
  return inodes;
}

async function commandOf(pid: number): Promise<string | null> {
  const words = await readWords(pid, 'cmdline');
  return words.length === 0 ? null : words.join(' ').slice(0, longestCommand);
}

async function askLsof(): Promise<Listener[]> {
  const output = await runCommand({
    program: 'lsof',
    args: ['-nP', '-iTCP', '-sTCP:LISTEN', '-Fpcn'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    timeoutMs: lsofTimeoutMs,
    mayFail: true,
  }).catch(() => '');
  return parseLsof(output);
}

/** lsof(8), OUTPUT FOR OTHER PROGRAMS: a process (p, c), then its files (n). Pure. */
export function parseLsof(output: string): Listener[] {
  const listeners: Listener[] = [];
  let pid: number | null = null;
  let command: string | null = null;
  for (const line of output.split('\n')) {
    const value = line.slice(1);
    if (line.startsWith('p')) [pid, command] = [Number(value), null];
    else if (line.startsWith('c')) command = value;
    else if (line.startsWith('n')) {
      const port = Number(value.slice(value.lastIndexOf(':') + 1));
      if (Number.isInteger(port)) listeners.push({ port, pid, command });
    }
  }
  return listeners;
}
