import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WtdError } from '../../contract/errors.ts';
import { causeOf, type Backend, type Facts, type Run } from './backend.ts';
import { agentName, homeOfAgent } from './installed.ts';
import { renderAgent } from './launchd-agent.ts';

interface Parts {
  run: Run;
  /** Where launchd looks for this user's agents. */
  agentDirectory: string;
  /** The package: it has the template. */
  root: string;
  program: readonly string[];
  home: string;
  log: string;
  uid: number;
}

/** ExitTimeOut of the agent, and some more. */
const stopTimeoutMs = 70_000;

/** The user's own launchd, by `launchctl`. */
export class Launchd implements Backend {
  readonly manager = 'launchd';
  readonly logHint: string;
  readonly #parts: Parts;
  readonly #domain: string;
  readonly #file: string;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#domain = `gui/${parts.uid}`;
    this.#file = join(parts.agentDirectory, `${agentName}.plist`);
    this.logHint = `see what it said in ${parts.log}, or run \`wtd daemon\``;
  }

  async files(): Promise<ReadonlyMap<string, string>> {
    const template = await readFile(join(this.#parts.root, 'launchd', `${agentName}.plist`), 'utf8');
    return new Map([[this.#file, renderAgent(template, this.#parts)]]);
  }

  homeOf(texts: ReadonlyMap<string, string>): string | null {
    return homeOfAgent(texts.get(this.#file) ?? '') ?? null;
  }

  async requireReachable(): Promise<void> {
    try {
      await this.#launchctl('print', this.#domain);
    } catch (error) {
      throw new WtdError('INVALID_STATE', `launchd has no session of this user: ${causeOf(error)}`, {
        hint: 'log in to the desktop as this user, then try again; without the service wtd works as well',
        state: 'unreachable',
        allowed: ['a desktop session'],
      });
    }
  }

  /** `kickstart` answers once it runs, and before it serves. */
  async start(): Promise<void> {
    await this.#launchctl('enable', `${this.#domain}/${agentName}`);
    await this.#launchctl('bootstrap', this.#domain, this.#file);
    await this.#launchctl('kickstart', `${this.#domain}/${agentName}`);
  }

  isKeptOut(): Promise<boolean> {
    return Promise.resolve(false); // launchd itself tries again until the home is free
  }

  /** `bootout` fails for an agent that is not loaded, and answers before one that is has ended. */
  async stop(): Promise<void> {
    await this.#launchctl('bootout', `${this.#domain}/${agentName}`).catch(() => undefined);
    const giveUpAtMs = Date.now() + stopTimeoutMs;
    while ((await this.facts()) && Date.now() < giveUpAtMs) await delay(100);
  }

  /** The file alone makes it come with a session. */
  release(): Promise<void> {
    return this.stop();
  }

  forget(): Promise<void> {
    return Promise.resolve();
  }

  async facts(): Promise<Facts | null> {
    const text = await this.#launchctl('print', `${this.#domain}/${agentName}`).catch(() => null);
    if (text === null) return null;
    const find = (key: string) => new RegExp(`^\\s*${key} = (.*)$`, 'm').exec(text)?.[1];
    const pid = Number(find('pid') ?? 0);
    return { enabled: true, state: find('state') ?? 'unknown', pid: pid > 0 ? pid : null, wakes: false };
  }

  lingers(): Promise<boolean | null> {
    return Promise.resolve(null);
  }

  #launchctl(...args: string[]): Promise<string> {
    return this.#parts.run('launchctl', args);
  }
}
