import type { Logger } from '../log.ts';
import type { Enforced } from './cgroup.ts';
import type { Executor } from './executor.ts';
import { probeScope, type Proven } from './scope-probe.ts';
import { hasScope, ScopeExecutor } from './scope.ts';
import { ShimExecutor } from './shim.ts';

/** A manager that could not be used is asked again after this long, at the next start. */
const retryMs = 60_000;

/** Who holds a run to a limit: the kernel, the daemon by looking now and then, or nobody. */
export interface ExecutorFacts {
  executor: Executor['name'];
  enforces: { memory: 'kernel' | 'sampled'; cpu: 'kernel' | 'sampled'; tasks: 'kernel' | 'no' };
}

interface Parts {
  environment: Readonly<Record<string, string>>;
  log: Logger;
}

/** The ways to run commands that this machine has. Which one is best is found out late, when it is first asked for. */
export class Executors {
  readonly #parts: Parts;
  readonly #shim: ShimExecutor;
  readonly #scope: ScopeExecutor;
  #probing: Promise<Proven | undefined> | undefined;
  #probedAtMs = 0;
  #proven: Proven | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#shim = new ShimExecutor(parts.environment);
    this.#scope = new ScopeExecutor(parts.environment, () => this.#proven?.manager);
  }

  /** Those that may start a run, the best first; the last one never refuses. */
  async candidates(): Promise<Executor[]> {
    return (await this.probe()) ? [this.#scope, this.#shim] : [this.#shim];
  }

  /** The one that started this try, or was about to. */
  async startedIn(directory: string): Promise<Executor> {
    return (await hasScope(directory)) ? this.#scope : this.#shim;
  }

  /** Whether the kernel itself slows the run of this try down to its limit. */
  async isCpuHeld(directory: string): Promise<boolean> {
    return typeof (await this.#scope.enforced(directory))?.cpuPercent === 'number';
  }

  /** Told when one has refused a start: before the next one the machine is looked at again. */
  refused(executor: Executor, about: { run: string; cause: string }): void {
    this.#parts.log.warn({ ...about, executor: executor.name }, 'an executor could not start a run');
    this.#probing = undefined;
  }

  async facts(): Promise<ExecutorFacts> {
    const proven = await this.probe();
    return { executor: proven ? 'scope' : 'shim', enforces: enforcesOf(proven?.enforced) };
  }

  /** Answers undefined when runs get no scope. Within seconds, whatever the manager does. */
  async probe(): Promise<Proven | undefined> {
    const isStale = this.#proven === undefined && performance.now() - this.#probedAtMs > retryMs;
    if (this.#probing === undefined || isStale) {
      this.#probedAtMs = performance.now();
      this.#probing = this.#look();
    }
    return this.#probing;
  }

  async #look(): Promise<Proven | undefined> {
    const { environment, log } = this.#parts;
    if (!environment['XDG_RUNTIME_DIR'] && !environment['DBUS_SESSION_BUS_ADDRESS']) return undefined;
    try {
      this.#proven = await probeScope(environment);
      log.info({ enforces: enforcesOf(this.#proven.enforced) }, 'every run gets a systemd scope of its own');
    } catch (error) {
      this.#proven = undefined;
      log.info({ err: error }, 'runs get no systemd scope');
    }
    return this.#proven;
  }
}

/** Memory and CPU are looked at by the daemon where the kernel does not hold them. Pure. */
const enforcesOf = (enforced: Enforced | undefined): ExecutorFacts['enforces'] => ({
  memory: enforced?.memoryBytes ? 'kernel' : 'sampled',
  cpu: enforced?.cpuPercent ? 'kernel' : 'sampled',
  tasks: enforced?.tasks ? 'kernel' : 'no',
});
