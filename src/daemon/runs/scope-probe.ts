import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newId } from '../../base/id.ts';
import { findCgroupsHere, groupIn, limitFiles, parseEnforced, type Enforced } from './cgroup.ts';
import { findProgram } from './program.ts';
import { limitProperties, scopeWords, type Manager } from './scope.ts';

const probePatienceMs = 2000;
const lingerDirectory = '/var/lib/systemd/linger';

export interface Proven {
  manager: Manager;
  /** What the kernel kept of what was asked for. */
  enforced: Enforced;
}

/** Prints the path of its own group, then a line for each file of limits there, empty where there is none. */
const readBack = `
cgroups=$1; shift
while read -r line; do case $line in 0::*) group=\${line#0::} ;; esac; done </proc/self/cgroup
printf '%s\\n' "$group"
for file; do limit=; [ ! -r "$cgroups$group/$file" ] || read -r limit <"$cgroups$group/$file"; printf '%s\\n' "$limit"; done
`;

/** Has the user manager make a scope, and looks what is enforced in it. Throws when there is no scope to be had. */
export async function probeScope(environment: Readonly<Record<string, string>>): Promise<Proven> {
  const systemdRun = await findProgram('systemd-run', environment);
  // Else systemd may end a whole run, its parent too, when the kernel killed one process for memory; old ones refuse it.
  const known = { systemdRun, environment, properties: ['OOMPolicy=continue'] };
  try {
    return await probe(known);
  } catch (error) {
    if ((error as { killed?: boolean }).killed === true) throw error; // a manager that hangs is not asked twice
    return probe({ ...known, properties: [] });
  }
}

async function probe(manager: Manager): Promise<Proven> {
  const limits = limitProperties({ maxMemoryMb: 1000, maxCpuPercent: 100, onBreach: 'stop' });
  const properties = [...manager.properties, ...limits].flatMap((property) => ['-p', property]);
  const shell = ['--', '/bin/sh', '-c', readBack, 'probe', (await findCgroupsHere()) ?? '', ...limitFiles];
  // Not execa, which a daemon at rest does without.
  const { stdout } = await promisify(execFile)(
    manager.systemdRun,
    [...scopeWords, `--unit=wtd-probe-${newId()}.scope`, ...properties, ...shell],
    { env: manager.environment, cwd: '/', timeout: probePatienceMs, killSignal: 'SIGKILL' },
  );
  const [group = '', ...contents] = stdout.split('\n');
  if (!(await isLasting(group)))
    throw new Error('the user manager ends when the user logs out; see loginctl(1), linger');
  return { manager, enforced: parseEnforced(contents) };
}

/** Without linger, logind ends the user manager and all its scopes with the last session, and this daemon may live on. */
async function isLasting(group: string): Promise<boolean> {
  const manager = /^.*\/user@\d+\.service\//.exec(group)?.[0];
  if (manager === undefined) return true;
  const own = groupIn(await readFile('/proc/self/cgroup', 'utf8')) ?? '';
  if (own.startsWith(manager)) return true;
  return access(join(lingerDirectory, userInfo().username)).then(
    () => true,
    () => false,
  );
}
