import { KeyedMutex } from '../base/mutex.ts';
import type { WtdError } from '../contract/errors.ts';
import type { Configuration } from './config.ts';
import type { Logger } from './log.ts';
import type { Happening, Registry } from './registry/registry.ts';
import type { RunRow } from './registry/rows.ts';

interface Parts {
  configuration: Configuration;
  registry: Registry;
  log: Logger;
  plans: { stopRun(run: string, options: object): Promise<RunRow> };
  pool: { releaseAll(): Promise<void> };
  queue: AsyncDisposable;
  /** Of worktrees; it may take longer than an end can wait. */
  setup: AsyncDisposable;
}

interface ReloadNotes {
  notifyReloading(): Promise<void>;
  notifyReady(): Promise<void>;
}

/** The machine is out of something for a moment; whoever wanted the process is told by its own way. */
function isPassing(reason: unknown): boolean {
  const { code = '', syscall = '' } = (reason ?? {}) as NodeJS.ErrnoException;
  return syscall.startsWith('spawn') && ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'].includes(code);
}

/** An exit code that a service manager takes for a failure; see errors.ts, INTERNAL. */
const defectExitCode = 70;

/** Reloading and ending, asked for by a method or by a signal. */
export class LifeCycle implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #reloadListeners: (() => Promise<void>)[] = [];
  readonly #signals: [NodeJS.Signals | 'uncaughtException' | 'unhandledRejection', (reason?: unknown) => void][] = [];
  readonly #turns = new KeyedMutex();
  #isEnding = false;
  #end: (exitCode: number) => void = () => undefined;
  #failed: (reason: WtdError) => void = () => undefined;
  readonly #ended = new Promise<number>((resolve, reject) => {
    this.#end = resolve;
    this.#failed = reject;
  });

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** What follows a changed configuration. */
  onReload(listener: () => Promise<void>): void {
    this.#reloadListeners.push(listener);
  }

  /** Throws INVALID_PARAMS when the new configuration is not valid; the old one then stays in effect. */
  async reload(): Promise<void> {
    await this.#turns.run('reload', async () => {
      await this.#parts.configuration.reload();
      for (const listener of this.#reloadListeners) await listener();
      this.tell({ type: 'daemon.reloaded' });
    });
  }

  /** Nothing new begins from now on. The end itself comes once whoever asked can have been answered. */
  async shutdown(runs: 'keep' | 'stop'): Promise<void> {
    const { queue, setup } = this.#parts;
    this.#isEnding = true;
    try {
      this.tell({ type: 'daemon.stopping', data: { runs } });
      await Promise.all([queue[Symbol.asyncDispose](), setup[Symbol.asyncDispose]()]);
      if (runs === 'stop') await this.#stopAll();
    } finally {
      setImmediate(() => {
        this.#end(0);
      });
    }
  }

  /** Ends at once, because it may not go on; runs live on. */
  fail(reason: WtdError): void {
    this.#parts.log.fatal({ err: reason }, 'ending');
    this.#isEnding = true;
    this.#failed(reason);
  }

  /** A registry that cannot be written must not keep the daemon from serving or from ending. */
  tell(happening: Happening): void {
    const { registry, log } = this.#parts;
    try {
      registry.change((tell) => {
        tell(happening);
      });
    } catch (error) {
      log.error({ type: happening.type, data: happening.data, err: error }, 'an event could not be written');
    }
  }

  /** Serves signals until the end; answers the exit code, or throws what `fail` was told. */
  async untilEnd(notes: ReloadNotes): Promise<number> {
    const { log } = this.#parts;
    const end = () => {
      if (!this.#isEnding) void this.shutdown('keep');
    };
    this.#on('SIGTERM', end);
    this.#on('SIGINT', end);
    this.#on('SIGHUP', () => {
      void this.#reloadBySignal(notes);
    });
    for (const defect of ['uncaughtException', 'unhandledRejection'] as const) {
      this.#on(defect, (reason) => {
        if (isPassing(reason)) {
          log.error({ err: reason }, 'a process could not be started');
          return;
        }
        log.fatal({ err: reason }, 'a defect; the daemon ends, runs live on');
        this.#isEnding = true;
        this.#end(defectExitCode);
      });
    }
    return this.#ended;
  }

  async #reloadBySignal(notes: ReloadNotes): Promise<void> {
    await notes.notifyReloading().catch(() => undefined);
    await this.reload().catch((error: unknown) => {
      this.#parts.log.error({ err: error }, 'the configuration stays as it was');
    });
    await notes.notifyReady().catch(() => undefined);
  }

  /** Queued ones first, so that no place that becomes free is taken again. */
  async #stopAll(): Promise<void> {
    const { registry, plans, pool, log } = this.#parts;
    const stop = (run: RunRow) =>
      plans.stopRun(run.id, {}).catch((error: unknown) => {
        log.warn({ run: run.id, err: error }, 'a run could not be stopped');
      });
    await Promise.all(registry.runs.queued().map(stop));
    await Promise.all(registry.runs.placed().map(stop));
    await pool.releaseAll();
  }

  #on(signal: NodeJS.Signals | 'uncaughtException' | 'unhandledRejection', listener: (reason?: unknown) => void): void {
    process.on(signal, listener);
    this.#signals.push([signal, listener]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [signal, listener] of this.#signals.splice(0)) process.off(signal, listener);
    return Promise.resolve();
  }
}
