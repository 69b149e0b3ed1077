import { readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findCgroupsHere, findGroup, readEnforced, readMembers, setFrozen, type Enforced } from './cgroup.ts';
import type { Executor, Launch, LaunchResult } from './executor.ts';
import type { RunLimits } from './limits.ts';
import type { RunRecord } from './run-record.ts';
import { ShimExecutor, type ParentStart } from './shim.ts';

const scopeFile = fileURLToPath(new URL('./scope.sh', import.meta.url));
/** In a try's directory: the name of its scope, written before the start. */
const unitFile = 'unit';
/** The group of the scope and what the kernel enforces there, written after the start. */
const groupFile = 'cgroup';
/** What systemd-run had to say. */
const errorFile = 'systemd-run';

const bytesPerMegabyte = 1_000_000;
/** No build needs as many; it keeps a storm of forks from taking the machine along. */
const mostTasks = 16_384;
/** A manager answers within milliseconds; one that hangs must not keep runs from starting. */
const managerPatienceMs = 3000;

/** The run gets its caller's values of these: the daemon's are for systemd-run, which sets the last one. */
const borrowed = ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS', 'INVOCATION_ID'];

/** How this daemon reaches the user manager. */
export interface Manager {
  /** The absolute path of systemd-run. */
  systemdRun: string;
  /** The daemon's own environment. */
  environment: Readonly<Record<string, string>>;
  /** Properties that this systemd knows, for every scope. */
  properties: readonly string[];
}

interface Group extends Enforced {
  path: string;
}

/**
 * The same parent as the shim's, in a transient scope of the user's systemd: the kernel enforces limits on the whole
 * run, and nobody leaves it. Without a manager it starts nothing, but still knows the runs of an earlier daemon.
 */
export class ScopeExecutor implements Executor {
  readonly name = 'scope';
  readonly #shim: ShimExecutor;
  readonly #manager: () => Manager | undefined;
  /** Where the cgroups are, for the shim, which counts what the kernel killed there; empty where nobody can tell. */
  #cgroups: string | undefined;

  constructor(environment: Readonly<Record<string, string>>, manager: () => Manager | undefined) {
    this.#manager = manager;
    this.#shim = new ShimExecutor(environment, (launch, parent) => this.#inFront(launch, parent));
  }

  async start(launch: Launch): Promise<LaunchResult> {
    const { directory } = launch;
    if (this.#manager() === undefined) return { kind: 'refused', cause: 'there is no user manager' };
    await writeFile(join(directory, unitFile), unitOf(directory), { mode: 0o600 });
    this.#cgroups ??= (await findCgroupsHere()) ?? '';
    const starting = this.#shim.start(launch);
    const patience = new AbortController();
    const slow = sleep(managerPatienceMs, undefined, { signal: patience.signal, ref: false }).catch(() => undefined);
    const first = await Promise.race([starting, slow]).finally(() => {
      patience.abort();
    });
    const isUnclear = first === undefined || (first.kind === 'unstartable' && first.exitCode === null);
    // Only a cancelled start provably never runs; a parent that was quicker goes on.
    if (isUnclear && (await this.cancel(directory)).kind === 'cancelled') {
      starting.catch(() => undefined);
      return { kind: 'refused', cause: await this.#whyRefused(directory) };
    }
    const result = await starting;
    if (result.kind === 'started') await this.#groupOf(directory);
    return result;
  }

  inspect(directory: string): Promise<RunRecord> {
    return this.#shim.inspect(directory);
  }

  startedAt(directory: string): Promise<number | undefined> {
    return this.#shim.startedAt(directory);
  }

  cancel(directory: string): Promise<RunRecord> {
    return this.#shim.cancel(directory);
  }

  watch(directory: string, onGone: (seen: boolean) => void): Disposable {
    return this.#shim.watch(directory, onGone);
  }

  async members(directory: string): Promise<number[]> {
    const group = await this.#groupOf(directory);
    return group ? readMembers(group.path) : [];
  }

  /** What the kernel holds the run to; undefined when that was not a run in a scope. */
  enforced(directory: string): Promise<Enforced | undefined> {
    return this.#groupOf(directory);
  }

  async freeze(directory: string, isFrozen: boolean): Promise<void> {
    const group = await this.#groupOf(directory);
    if (group) await setFrozen(group.path, isFrozen);
  }

  #inFront({ directory, limits, env: callers }: Launch, { words, env }: ParentStart): ParentStart {
    const manager = this.#manager();
    if (manager === undefined) throw new Error('there is no user manager');
    const [shell, ...shim] = words;
    const properties = [...manager.properties, ...limitProperties(limits)].flatMap((property) => ['-p', property]);
    const run = basename(dirname(directory));
    const unit = [`--unit=${unitOf(directory)}`, `--description=wtd run ${run}`];
    const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !borrowed.includes(name)));
    return {
      words: [manager.systemdRun, ...scopeWords, ...unit, ...properties, '--', shell, scopeFile, ...shim],
      // Never among the words, which everybody on the machine can read.
      env: {
        ...kept,
        ...some(borrowed, (name) => [`WTD_CALLERS_${name}`, callers[name]]),
        ...some(borrowed, (name) => [name, manager.environment[name]]),
        WTD_CGROUPS: this.#cgroups ?? '',
      },
      errorFile: join(directory, errorFile),
    };
  }

  /** Read back once, while the parent lives; whoever asks later finds it written down. */
  async #groupOf(directory: string): Promise<Group | undefined> {
    const file = join(directory, groupFile);
    const known = await readOrNothing(file);
    if (known !== '') return JSON.parse(known) as Group;
    const unit = await readOrNothing(join(directory, unitFile));
    const record = await this.inspect(directory);
    if (unit === '' || record.kind !== 'claimed') return undefined;
    const path = await findGroup(record.parent.pid);
    // Another group: the pid is somebody else's by now.
    if (path === undefined || basename(path) !== unit) return undefined;
    const group: Group = { path, ...(await readEnforced(path)) };
    await writeFile(`${file}.new`, JSON.stringify(group), { mode: 0o600 });
    await rename(`${file}.new`, file);
    return group;
  }

  async #whyRefused(directory: string): Promise<string> {
    const said = await readOrNothing(join(directory, errorFile));
    return said.trim().slice(0, 1000) || 'the user manager did not answer';
  }
}

export const scopeWords = ['--user', '--scope', '--collect', '--quiet'] as const;

/** Whether a try was to be started in a scope. */
export const hasScope = async (directory: string): Promise<boolean> =>
  (await readOrNothing(join(directory, unitFile))) !== '';

/** From the directory of a try, `<run>/try-<n>`; the id of a run is unique on the machine. */
const unitOf = (directory: string): string =>
  `wtd-run-${basename(dirname(directory))}-${basename(directory).replace('try-', '')}.scope`;

/** What the kernel is asked to enforce: it kills and slows down, so only where a breach is not just to be told. */
export function limitProperties(limits: Pick<RunLimits, 'maxMemoryMb' | 'maxCpuPercent' | 'onBreach'> | undefined) {
  const { maxMemoryMb = null, maxCpuPercent = null, onBreach } = limits ?? {};
  const memory =
    maxMemoryMb === null || onBreach !== 'stop'
      ? []
      : [`MemoryMax=${maxMemoryMb * bytesPerMegabyte}`, 'MemorySwapMax=0'];
  const cpu = maxCpuPercent === null || onBreach !== 'stop' ? [] : [`CPUQuota=${maxCpuPercent}%`];
  return [...memory, ...cpu, `TasksMax=${mostTasks}`];
}

function some(names: readonly string[], entry: (name: string) => [string, string | undefined]): Record<string, string> {
  return Object.fromEntries(names.map(entry).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

const readOrNothing = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
