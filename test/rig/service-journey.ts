import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ServiceStatus } from '../../src/contract/service.ts';
import type { Finished } from './program.ts';
import { Rig } from './rig.ts';
import { UserManager } from './systemd-user.ts';
import { until } from './until.ts';

/** A repository and a user manager that knows nothing of wtd's home; the client of that user has WTD_HOME set. */
export class ServiceJourney implements AsyncDisposable {
  readonly rig: Rig;
  readonly manager: UserManager;

  private constructor(rig: Rig, manager: UserManager) {
    this.rig = rig;
    this.manager = manager;
  }

  static async begin(): Promise<ServiceJourney> {
    const rig = await Rig.setUp({ daemon: false });
    const env = Object.fromEntries(Object.entries(rig.place.env).filter(([name]) => name !== 'WTD_HOME'));
    return new ServiceJourney(rig, await UserManager.start(rig.place.directory, env));
  }

  static async installed(): Promise<ServiceJourney> {
    const journey = await ServiceJourney.begin();
    await journey.install();
    return journey;
  }

  get unitDirectory(): string {
    return join(this.manager.env['HOME'] ?? '', '.config/systemd/user');
  }

  /** The command line inside, in the repository. */
  wtd(...args: string[]): Promise<Finished> {
    return this.wtdWith({}, ...args);
  }

  wtdWith(more: Readonly<Record<string, string>>, ...args: string[]): Promise<Finished> {
    const env = { ...this.manager.env, WTD_AUTOSTART: '1', ...more };
    return this.rig.spawnWtd(args, { inside: this.manager, env }).finished();
  }

  /** Files and links of units, also those that let them come with a session. */
  unitFiles(): string[] {
    const found = readdirSync(this.unitDirectory, { recursive: true, withFileTypes: true });
    return found.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  }

  activeStates(): Promise<string[]> {
    const state = (unit: string) => this.manager.systemctl('show', '--property=ActiveState', '--value', unit);
    return Promise.all(['wtd.socket', 'wtd.service'].map(state));
  }

  async install(): Promise<ServiceStatus> {
    const installed = await this.wtd('service', 'install', '--json');
    expect([installed.exitCode, installed.stderr]).toEqual([0, '']);
    return installed.json() as ServiceStatus;
  }

  async status(): Promise<ServiceStatus> {
    return (await this.wtd('service', 'status', '--json')).json() as ServiceStatus;
  }

  async daemonPid(): Promise<number> {
    return Number(await this.manager.systemctl('show', '--property=MainPID', '--value', 'wtd.service'));
  }

  /** Once another daemon of the service than this one is up. */
  async untilFollowed(pid: number): Promise<number> {
    const next = () => this.daemonPid().then((found) => (found === pid ? 0 : found));
    const found = await until(next, `the manager starts another daemon than ${pid}`);
    const state = () => this.manager.systemctl('show', '--property=ActiveState', '--value', 'wtd.service');
    await until(async () => (await state()) === 'active', 'it is ready');
    return found;
  }

  /** What the last daemon said when it came up. */
  async adopted(): Promise<unknown> {
    const { events } = await this.rig.call('event.list', { types: ['daemon.started'] });
    return events.at(-1)?.data['adopted'];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager[Symbol.asyncDispose]();
    await this.rig[Symbol.asyncDispose]();
  }
}
