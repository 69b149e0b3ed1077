import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WtdError } from '../../contract/errors.ts';
import { causeOf, type Backend, type Facts, type Run } from './backend.ts';
import { socketOf } from './installed.ts';
import { renderUnit } from './systemd-unit.ts';

interface Parts {
  run: Run;
  /** Where systemd looks for this user's units. */
  unitDirectory: string;
  /** The package: it has the templates and the README. */
  root: string;
  program: readonly string[];
  environment: Readonly<Record<string, string>>;
  socket: string;
  uid: number;
}

const units = ['wtd.socket', 'wtd.service'] as const;

/** See errors.ts, BUSY. */
const busyExitCode = '9';

/** The user's own systemd, by `systemctl --user`. */
export class Systemd implements Backend {
  readonly manager = 'systemd';
  readonly logHint = 'see what it said with `journalctl --user --unit wtd.service`, or run `wtd daemon`';
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async files(): Promise<ReadonlyMap<string, string>> {
    const { unitDirectory, root, socket } = this.#parts;
    if (/\p{Cc}/u.test(socket)) throw unspeakable(socket);
    const values = { ...this.#parts, readme: join(root, 'README.md') };
    const texts = units.map(async (unit) => {
      const template = await readFile(join(root, 'systemd', unit), 'utf8');
      return [join(unitDirectory, unit), renderUnit(template, values)] as const;
    });
    return new Map(await Promise.all(texts));
  }

  homeOf(texts: ReadonlyMap<string, string>): string | null {
    const socket = socketOf(texts.get(join(this.#parts.unitDirectory, 'wtd.socket')) ?? '');
    return socket === undefined ? null : dirname(socket);
  }

  async requireReachable(): Promise<void> {
    try {
      await this.#systemctl('show', '--property=Version');
    } catch (error) {
      throw unreachable(error);
    }
  }

  async start(): Promise<void> {
    await this.#systemctl('daemon-reload');
    await this.#requireFound();
    await this.#systemctl('enable', ...units);
    await this.#systemctl('start', ...units);
  }

  async isKeptOut(): Promise<boolean> {
    return (await this.#show('wtd.service', 'ExecMainStatus')).get('ExecMainStatus') === busyExitCode;
  }

  /** Fails for a unit that is not loaded, as where its file is gone; what counts is that none of them is active. */
  async stop(): Promise<void> {
    try {
      await this.#systemctl('stop', ...units);
    } catch (error) {
      if (await this.#isAnyActive()) throw error;
    }
    await this.#systemctl('reset-failed', ...units).catch(() => undefined); // not loaded any more: nothing has failed
  }

  async release(): Promise<void> {
    await this.#systemctl('daemon-reload');
    if (!(await this.#isFound())) return this.stop();
    await this.#systemctl('disable', '--now', ...units);
    await this.#systemctl('reset-failed', ...units).catch(() => undefined);
  }

  async forget(): Promise<void> {
    await this.#systemctl('daemon-reload');
  }

  async facts(): Promise<Facts | null> {
    try {
      const service = await this.#show('wtd.service', 'ActiveState', 'MainPID', 'UnitFileState');
      const socket = await this.#show('wtd.socket', 'ActiveState');
      const pid = Number(service.get('MainPID'));
      return {
        enabled: service.get('UnitFileState') === 'enabled',
        state: service.get('ActiveState') ?? 'unknown',
        pid: pid > 0 ? pid : null,
        wakes: socket.get('ActiveState') === 'active',
      };
    } catch {
      return null;
    }
  }

  async lingers(): Promise<boolean | null> {
    const args = ['show-user', String(this.#parts.uid), '--property=Linger', '--value'];
    const answer = await this.#parts.run('loginctl', args).catch(() => '');
    return answer.trim() === '' ? null : answer.trim() === 'yes';
  }

  async #isFound(): Promise<boolean> {
    return (await this.#show('wtd.service', 'LoadState')).get('LoadState') !== 'not-found';
  }

  /** The manager has an environment of its own, and so maybe another place for units. */
  async #requireFound(): Promise<void> {
    if (await this.#isFound()) return;
    throw new Error(
      `systemd does not look for units in ${this.#parts.unitDirectory}; set XDG_CONFIG_HOME as it has it`,
    );
  }

  async #isAnyActive(): Promise<boolean> {
    const shown = await Promise.all(units.map((unit) => this.#show(unit, 'ActiveState')));
    return shown.some((unit) => !['inactive', 'failed'].includes(unit.get('ActiveState') ?? ''));
  }

  async #show(unit: string, ...properties: string[]): Promise<Map<string, string>> {
    const text = await this.#systemctl('show', `--property=${properties.join()}`, unit);
    return new Map(text.split('\n').map((line) => [line.replace(/=.*/s, ''), line.replace(/^[^=]*=/, '')]));
  }

  #systemctl(...args: string[]): Promise<string> {
    return this.#parts.run('systemctl', ['--user', '--no-pager', ...args]);
  }
}

function unreachable(error: unknown): WtdError {
  return new WtdError('INVALID_STATE', `the service manager of this user cannot be reached: ${causeOf(error)}`, {
    hint:
      'log in as this user (not through su or sudo), or run `loginctl enable-linger` and ' +
      '`export XDG_RUNTIME_DIR=/run/user/$(id -u)`, then try again; without the service wtd works as well',
    state: 'unreachable',
    allowed: ['a reachable `systemctl --user`'],
  });
}

const unspeakable = (socket: string) =>
  new WtdError('INVALID_STATE', `a unit cannot name the socket ${JSON.stringify(socket)}`, {
    hint: 'set WTD_HOME to a path without control characters',
    state: 'unspeakable path',
    allowed: ['a path without control characters'],
  });
