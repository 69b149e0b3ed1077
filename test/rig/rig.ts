import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/connect.ts';
import { RemoteError } from '../../src/client/errors.ts';
import type { ErrorData } from '../../src/contract/errors.ts';
import type { MethodName, Params, Result } from '../../src/contract/index.ts';
import type { Run } from '../../src/contract/models.ts';
import { Daemon } from './daemon.ts';
import { Place, type ConfigText } from './place.ts';
import { Program, type Finished, type ProgramOptions } from './program.ts';
import { RawConnection } from './raw-connection.ts';
import { makeRepository, type Checkout } from './repository.ts';
import { Steered } from './steered.ts';

type StartParams = Partial<Params<'plan.start'>>;

interface DaemonOptions {
  daemonEnv?: Readonly<Record<string, string>>;
  /** How many descriptors it may have open. */
  descriptors?: number;
}

/** A place with a repository and a daemon that serves, and every way to talk to it. Disposed of with all that runs. */
export class Rig implements AsyncDisposable {
  readonly place: Place;
  readonly repository: Checkout;
  #daemon: Daemon | undefined;
  readonly #daemonEnv: Readonly<Record<string, string>>;
  readonly #descriptors: number | undefined;

  private constructor(place: Place, { daemonEnv = {}, descriptors }: DaemonOptions) {
    this.place = place;
    this.repository = makeRepository(place);
    this.#daemonEnv = daemonEnv;
    this.#descriptors = descriptors;
  }

  /** `daemon: false` leaves it to the test to start one. */
  static async setUp(options: { config?: ConfigText; daemon?: boolean } & DaemonOptions = {}): Promise<Rig> {
    const rig = new Rig(new Place(options.config), options);
    try {
      if (options.daemon !== false) await rig.startDaemon();
      return rig;
    } catch (error) {
      await rig[Symbol.asyncDispose]();
      throw error;
    }
  }

  get daemon(): Daemon {
    if (!this.#daemon) throw new Error('no daemon was started');
    return this.#daemon;
  }

  /** The one before must have ended. `more` is what only this one gets. */
  async startDaemon(more: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    this.#daemon = await Daemon.start(this.place, { ...this.#daemonEnv, ...more }, this.#descriptors);
    return this.#daemon;
  }

  /** The built command line in the repository; it starts no daemon. */
  wtd(...args: string[]): Promise<Finished> {
    return this.spawnWtd(args).finished();
  }

  /** The same with another directory or more environment (WTD_AUTOSTART: '1' lets it start a daemon), not awaited. */
  spawnWtd(args: readonly string[], options: Partial<ProgramOptions> = {}): Program {
    const { cwd = this.repository.path, env = {}, input, inside } = options;
    return new Program(args, {
      cwd,
      env: { ...this.place.env, WTD_AUTOSTART: '0', ...env },
      ...(input !== undefined && { input }),
      inside,
    });
  }

  /** A typed client; dispose of it. */
  connect(): Promise<Client> {
    return connect({ socketPath: this.place.socket, start: null });
  }

  connectRaw(): Promise<RawConnection> {
    return RawConnection.connect(this.place.socket);
  }

  /** One call over a connection of its own. */
  async call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>> {
    await using client = await this.connect();
    try {
      return await client.call(method, params);
    } catch (error) {
      // The answer tells nothing of a defect, so that the report of a failed test must.
      if (error instanceof RemoteError && error.data.code === 'INTERNAL')
        error.cause = new Error(this.daemon.readLog());
      throw error;
    }
  }

  /** The data of the error that a call is refused with; fails when it is not. */
  async refusal<M extends MethodName>(method: M, params: Params<M>): Promise<ErrorData & { message: string }> {
    try {
      const answer = await this.call(method, params);
      throw new Error(`${method} was not refused, but answered ${JSON.stringify(answer)}`);
    } catch (error) {
      if (error instanceof RemoteError) return { ...error.data, message: error.message };
      throw error;
    }
  }

  /** Starts a plan of the repository. */
  start(plan: string, command: readonly string[], more: StartParams = {}): Promise<Run> {
    const params = { repository: this.repository.path, env: { ...this.place.env }, ...more };
    return this.call('plan.start', { ...params, plan, command: [...command] });
  }

  /** Starts a plan with a steered command and waits until it takes orders. */
  async startSteered(plan: string, more: StartParams = {}): Promise<{ run: Run; child: Steered }> {
    const child = this.steered(plan);
    const run = await this.start(plan, child.command, more);
    await child.untilStarted();
    return { run, child };
  }

  /** A command that does what the test tells it to; `name` is unique within the test. */
  steered(name: string): Steered {
    return new Steered(this.place, name);
  }

  /** The run once it has ended. */
  wait(plan: string): Promise<Run> {
    return this.call('plan.wait', { plan, repository: this.repository.path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#daemon?.[Symbol.asyncDispose]();
    } finally {
      await this.place[Symbol.asyncDispose]();
    }
  }
}
