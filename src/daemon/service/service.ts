import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WtdError } from '../../contract/errors.ts';
import type { Service, ServiceRemoval, ServiceStatus } from '../../contract/service.ts';
import { causeOf, type Backend, type Facts } from './backend.ts';

interface Daemon {
  pid: number;
  /** The home that it serves. */
  home: string;
}

interface Parts {
  backend: Backend;
  /** The home that clients of this environment use. */
  home: string;
  daemon: {
    /** Whoever answers on the socket of this home; null when nobody does. */
    find(): Promise<Daemon | null>;
    /** Ends it and answers once its process is gone. Runs live on. */
    end(): Promise<void>;
  };
}

/** A client may start a daemon at the very moment between the end of one and the start of the service. */
const mostAttempts = 5;
const serveTimeoutMs = 15_000;

export class UserService implements Service {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async install(): Promise<ServiceStatus> {
    const { backend } = this.#parts;
    await backend.requireReachable();
    const wanted = await backend.files();
    const before = await this.#readInstalled(wanted.keys());
    try {
      await backend.stop();
      await write(wanted);
      await this.#takeOver();
    } catch (error) {
      throw this.#notStarted(error, await this.#takeBack(wanted, before));
    }
    return this.status();
  }

  async uninstall(): Promise<ServiceRemoval> {
    const { backend } = this.#parts;
    const wanted = await backend.files();
    const installed = await this.#readInstalled(wanted.keys());
    if (installed.size === 0 && !isLoaded(await backend.facts())) return { removed: [] };
    await backend.requireReachable();
    await backend.stop();
    await write(wanted); // a manager releases only what it can read
    await backend.release();
    await remove(wanted.keys());
    await backend.forget();
    return { removed: [...installed.keys()] };
  }

  async status(): Promise<ServiceStatus> {
    const { backend } = this.#parts;
    const wanted = await backend.files();
    const installed = await this.#readInstalled(wanted.keys());
    const facts = installed.size === 0 ? null : await backend.facts();
    const daemon = await this.#findDaemon(facts);
    const status = {
      manager: backend.manager,
      installed: installed.size === wanted.size,
      enabled: facts?.enabled ?? null,
      state: facts?.state ?? null,
      pid: facts?.pid ?? null,
      home: backend.homeOf(installed),
      files: [...installed.keys()],
      daemon: daemon && { pid: daemon.pid, isService: daemon.pid === facts?.pid },
      lingers: await backend.lingers(),
    };
    return { ...status, advice: this.#advise(status) };
  }

  /** Asking on a socket that the manager holds would start the daemon. */
  #findDaemon(facts: Facts | null): Promise<Daemon | null> {
    const isAsleep = facts !== null && facts.wakes && facts.pid === null;
    return isAsleep ? Promise.resolve(null) : this.#parts.daemon.find();
  }

  #advise({ installed, state, enabled, home, daemon, lingers }: Omit<ServiceStatus, 'advice'>): string[] {
    const { backend, home: own } = this.#parts;
    if (!installed) return ['put it in place with `wtd service install`'];
    const advice: string[] = [];
    if (state === null)
      advice.push('its manager does not answer: log in as this user, or run `loginctl enable-linger`');
    if (state === 'inactive') advice.push('it does not run: the next command starts it');
    if (state === 'failed') advice.push(backend.logHint);
    if (enabled === false) advice.push('it does not come with your session: run `wtd service install`');
    if (home !== own) advice.push(`it serves ${home ?? 'no home'}, not ${own}: \`wtd service install\` changes that`);
    else if (daemon?.isService === false) {
      advice.push(
        'another daemon serves this home: `wtd service install` lets the service take over, and runs live on',
      );
    }
    if (lingers === false) advice.push('it ends with your last session: `loginctl enable-linger` keeps it');
    return advice;
  }

  async #takeOver(): Promise<void> {
    const { backend, daemon } = this.#parts;
    for (let attempt = 1; ; attempt += 1) {
      if (await daemon.find()) await daemon.end();
      try {
        await backend.start();
        await this.#requireServing();
        return;
      } catch (error) {
        const isLast = attempt === mostAttempts || !(await backend.isKeptOut());
        if (isLast) throw error;
        await backend.stop();
      }
    }
  }

  /** systemd has seen it serve before it answers; launchd has not. */
  async #requireServing(): Promise<void> {
    const { backend, daemon, home } = this.#parts;
    const giveUpAtMs = Date.now() + serveTimeoutMs;
    let found = await daemon.find();
    while (!found) {
      if (Date.now() > giveUpAtMs) throw new Error(`${backend.manager} started it, but no daemon answers`);
      await delay(100);
      found = await daemon.find();
    }
    if (found.home !== home) throw servesAnother(found.home, home);
  }

  /** `left` tells what could not be taken back. */
  #notStarted(error: unknown, left: readonly string[]): WtdError {
    const cause = causeOf(error);
    const message =
      left.length === 0
        ? `the service does not start, so all is as it was before: ${cause}`
        : `the service does not start: ${cause}; not all could be taken back: ${left.join('; ')}`;
    return new WtdError('INVALID_STATE', message, {
      hint: error instanceof WtdError && error.code === 'INVALID_STATE' ? error.data.hint : this.#parts.backend.logHint,
      state: 'not started',
      allowed: ['a daemon that starts'],
    });
  }

  /** Everything as it was before, as far as that can be done; answers what could not. */
  async #takeBack(
    wanted: ReadonlyMap<string, string>,
    before: ReadonlyMap<string, string>,
  ): Promise<readonly string[]> {
    const { backend } = this.#parts;
    const left: string[] = [];
    const attempt = (what: string, work: () => Promise<void>) =>
      work().catch((error: unknown) => void left.push(`${what} (${causeOf(error)})`));
    const written = await this.#readInstalled(wanted.keys());
    const isWhole = written.size === wanted.size;
    await attempt('its daemon was not ended', () => (isWhole ? backend.release() : backend.stop()));
    await attempt('its files are still there', () => remove(wanted.keys()));
    await attempt('the files from before are not there again', () => write(before));
    await attempt('its manager did not look again', () => backend.forget());
    if (before.size > 0) await attempt('the service from before does not start again', () => backend.start());
    return left;
  }

  async #readInstalled(paths: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const texts = new Map<string, string>();
    for (const path of paths) {
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text !== undefined) texts.set(path, text);
    }
    return texts;
  }
}

async function write(texts: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of texts) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }
}

async function remove(paths: Iterable<string>): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
}

/** Also of a service whose files were taken away by hand. */
const isLoaded = (facts: Facts | null): boolean => facts !== null && (facts.pid !== null || facts.wakes);

const servesAnother = (home: string, own: string): WtdError =>
  new WtdError('INVALID_STATE', `its daemon serves ${home}, not ${own}`, {
    hint: 'take away what leads it there, such as a drop-in of its unit that sets WTD_HOME, then try again',
    state: `serves ${home}`,
    allowed: [`serves ${own}`],
  });
