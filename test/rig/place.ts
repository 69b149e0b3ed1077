import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { pidsAround, send } from './processes.ts';
import { until } from './until.ts';

/** Configuration as an object, or the very text of config.yaml. */
export type ConfigText = string | Readonly<Record<string, unknown>>;

/** The least that a program needs, and nothing of the machine or the user that runs the tests. */
const bareEnvironment = (user: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
  HOME: user,
  LANG: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
});

/** A temporary directory for one test: wtd's home, the user's home, repositories and steered children. */
export class Place implements AsyncDisposable {
  readonly directory: string;
  /** WTD_HOME; its socket path stays far below 103 bytes. */
  readonly home: string;
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;

  constructor(config?: ConfigText) {
    this.directory = mkdtempSync(join(realpathSync(tmpdir()), 'wtd-'));
    this.home = join(this.directory, 'home');
    this.socket = join(this.home, 'wtd.sock');
    const user = this.makeDirectory('user');
    this.env = { ...bareEnvironment(user), WTD_HOME: this.home };
    mkdirSync(this.home, { mode: 0o700 });
    if (config !== undefined) this.configure(config);
    onTestFinished(() => {
      this.#sweep();
    });
  }

  configure(config: ConfigText): void {
    writeFileSync(join(this.home, 'config.yaml'), typeof config === 'string' ? config : stringify(config));
  }

  makeDirectory(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** For a test that ran out of time and disposes of nothing. */
  #sweep(): void {
    if (!existsSync(this.directory)) return;
    for (const pid of pidsAround(this.home)) send(pid, 'SIGKILL');
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await until(() => {
      const pids = pidsAround(this.home);
      for (const pid of pids) send(pid, 'SIGKILL');
      return pids.length === 0;
    }, `nothing runs around ${this.home}`);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}
