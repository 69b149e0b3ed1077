import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../client/client.ts';
import type { Params, Result } from '../contract/index.ts';
import { findErrorName } from './failure.ts';
import { connectFor, type Session } from './session.ts';

type Announcement = 'run.register' | 'run.heartbeat' | 'run.finish';

const finishPatienceMs = 10_000;
const finishPauseMs = 250;

/** Tells the daemon about a run that this process carries out, and finds the next daemon when one goes away. */
export class Announcer implements AsyncDisposable {
  readonly #session: Session;
  #client: Promise<Client> | null = null;
  #run = { run: '', token: '' };
  #heartbeatMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  async register(params: Params<'run.register'>): Promise<Result<'run.register'>> {
    const registered = await this.#tell('run.register', params);
    this.#run = { run: registered.run, token: registered.token };
    this.#heartbeatMs = registered.heartbeatMs;
    return registered;
  }

  /** Says now and then that the run is alive and which process it is; a missed beat harms nobody. */
  startBeating(pid: number): void {
    const beat = () => {
      this.#tell('run.heartbeat', { ...this.#run, pid }).catch(() => undefined);
    };
    beat();
    this.#timer = setInterval(beat, this.#heartbeatMs);
  }

  /** Records the end, and tries for a while when no daemon answers. */
  async finish(exitCode: number): Promise<Result<'run.finish'>> {
    clearInterval(this.#timer);
    const giveUpAtMs = performance.now() + finishPatienceMs;
    for (;;) {
      try {
        return await this.#tell('run.finish', { ...this.#run, exitCode });
      } catch (error) {
        if (!isAway(error) || performance.now() > giveUpAtMs) throw error;
        await delay(finishPauseMs);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#hangUp();
  }

  async #tell<M extends Announcement>(method: M, params: Params<M>): Promise<Result<M>> {
    this.#client ??= connectFor(method, this.#session);
    try {
      return await (await this.#client).call(method, params);
    } catch (error) {
      if (isAway(error)) await this.#hangUp();
      throw error;
    }
  }

  async #hangUp(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await (await client?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }
}

function isAway(error: unknown): boolean {
  const name = findErrorName(error);
  return name === 'UNAVAILABLE' || name === 'SHUTTING_DOWN';
}
