import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { Checkout } from '../test/rig/repository.ts';

/** The least that git and wtd need, and nothing of the user's own configuration. */
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

/** A temporary directory for a daemon and its repositories. */
export class Home implements Disposable {
  readonly directory = mkdtempSync(join(realpathSync(tmpdir()), 'wtd-bench-'));
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;

  constructor(config: Readonly<Record<string, unknown>> = {}) {
    const user = join(this.directory, 'user');
    const home = join(this.directory, 'home');
    for (const directory of [user, home]) mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(home, 'config.yaml'), stringify(config));
    this.socket = join(home, 'wtd.sock');
    this.env = { ...bareEnvironment(user), WTD_HOME: home, WTD_AUTOSTART: '0' };
    process.once('exit', this.#remove);
  }

  /** A repository with one commit of many small files. */
  makeRepository(name: string, fileCount = 1): Checkout {
    const path = join(this.directory, name);
    mkdirSync(path);
    const repository = new Checkout(path, this.env);
    repository.git('init', '--quiet', '--initial-branch=main');
    for (let index = 0; index < fileCount; index++) {
      repository.write(`part-${index % 20}/file-${index}.txt`, `${name} ${index}\n`.repeat(50));
    }
    repository.git('add', '--all');
    repository.git('commit', '--quiet', '--message', 'Begin');
    return repository;
  }

  /** Also when the bench is interrupted. */
  readonly #remove = (): void => {
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  };

  [Symbol.dispose](): void {
    process.off('exit', this.#remove);
    this.#remove();
  }
}
