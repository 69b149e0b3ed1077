import { setTimeout as pause } from 'node:timers/promises';
import pLimit from 'p-limit';
import { forGit } from '../../base/environment.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import { spawning } from '../../base/spawning.ts';
import { WtdError } from '../../contract/errors.ts';
import { fullDisk } from '../../contract/full-disk.ts';
import { readBlobs } from './blobs.ts';

/** On a small machine four at once beat six. */
const mostAtOnce = 4;
/** Writing a tree waits for disks and filters more than for a processor. */
const mostTreesAtOnce = 16;
const readTimeoutMs = 60_000;
/** A checkout of a very large tree on a slow disk. */
const writeTimeoutMs = 30 * 60_000;
/** Of what talks to another machine. */
const transferTimeoutMs = 5 * 60_000;
const mostTransfersAtOnce = 4;
const mostOutputBytes = 64_000_000;

/** What git says while another git is in the middle of a step in the same repository: it changed nothing itself. */
const collision = new RegExp(
  [
    'failed to read worktrees/.+/commondir: Success',
    "could not open '.*worktrees/.+/locked' for writing: No such file",
    "Unable to create '.+\\.lock': File exists",
    'could not lock config file .+: File exists',
  ].join('|'),
);
/** Between tries; a lock that outlasts them all was left by a git that died. */
const pausesMs = [10, 20, 50, 100, 200, 400, 800];

/**
 * No surprise from the user's configuration: no background gc, no hooks (they would run with the daemon's
 * environment), no file system monitor left behind in a worktree.
 */
const settings = ['-c', 'gc.auto=0', '-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false'];

interface Options {
  env: Record<string, string>;
  timeout: number;
  /** For its standard input; nothing when left out. */
  input?: string | Uint8Array | undefined;
  /** `latin1`: a character of the answer is a byte. */
  encoding?: 'utf8' | 'latin1';
}

export interface GitResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** The only place that starts git. */
export class Git {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #limit = pLimit(mostAtOnce);
  /** Apart, because one repository's slow filters must not hold up every other question. */
  readonly #fileLimit = pLimit(mostTreesAtOnce);
  readonly #transferLimit = pLimit(mostTransfersAtOnce);
  readonly #locks = new KeyedMutex();

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.#environment = { ...forGit(environment), LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' };
  }

  /** Reads; takes no lock, so that it never disturbs an agent's own git. Answers standard output. */
  async read(directory: string, args: readonly string[]): Promise<string> {
    return succeed(args, await this.ask(directory, args));
  }

  /** Like read, but leaves the exit code to the caller. */
  async ask(directory: string, args: readonly string[], input?: string | Uint8Array): Promise<GitResult> {
    return this.#run(directory, args, { env: { GIT_OPTIONAL_LOCKS: '0' }, timeout: readTimeoutMs, input });
  }

  /** Changes something. Throws GIT_FAILED, and DISK_LOW when the disk is full. */
  async write(directory: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const result = await this.#run(directory, args, { env, timeout: writeTimeoutMs });
    requireSpace(directory, result);
    return succeed(args, result);
  }

  /** Like write, for what writes whole trees. */
  async writeFiles(directory: string, args: readonly string[], env: Record<string, string>): Promise<string> {
    const result = await this.#fileLimit(() => this.#insist(directory, args, { env, timeout: writeTimeoutMs }));
    requireSpace(directory, result);
    return succeed(args, result);
  }

  /** Like write, for what talks to another machine, which may never answer: nothing else waits for it. */
  async transfer(directory: string, args: readonly string[], env: Record<string, string>): Promise<string> {
    const options = { env, timeout: transferTimeoutMs };
    return succeed(args, await this.#transferLimit(() => this.#insist(directory, args, options)));
  }

  /**
   * Like write, for what speaks of files: their names may be any bytes, so that a character of the input and of the
   * answer is one byte here.
   */
  async bytes(
    directory: string,
    args: readonly string[],
    { input = '', env }: { input?: string; env: Record<string, string> },
  ): Promise<string> {
    const bytes = Buffer.from(input, 'latin1');
    const options = { env, timeout: writeTimeoutMs, input: bytes, encoding: 'latin1' } as const;
    const result = await this.#run(directory, args, options);
    requireSpace(directory, result);
    return succeed(args, result);
  }

  /** Hands over the content of each object in turn, piece by piece, so that a large one never lies in memory. */
  async eachBlob(
    directory: string,
    ids: readonly string[],
    take: (id: string, content: AsyncIterable<Buffer>) => Promise<void>,
  ): Promise<void> {
    if (ids.length === 0) return;
    await this.#fileLimit(async () => {
      const { execa } = await import('execa');
      const child = spawning(() =>
        execa('git', ['-C', directory, ...settings, 'cat-file', '--batch', '--buffer'], {
          cwd: '/',
          env: this.#environment,
          extendEnv: false,
          input: ids.map((id) => `${id}\n`).join(''),
          buffer: false,
          reject: false,
          timeout: writeTimeoutMs,
        }),
      );
      try {
        const count = await readBlobs(child.stdout, take);
        if (count < ids.length) throw new Error(`git answered ${count} of ${ids.length} objects`);
      } finally {
        child.kill();
        await child;
      }
    });
  }

  /** Refs and the registration of worktrees of one repository change only under its lock. */
  async locked<T>(commonDir: string, task: () => Promise<T>): Promise<T> {
    return this.#locks.run(commonDir, task);
  }

  async #run(directory: string, args: readonly string[], options: Options): Promise<GitResult> {
    return this.#limit(() => this.#insist(directory, args, options));
  }

  /** People and other homes use git in the same repository at the same time. */
  async #insist(directory: string, args: readonly string[], options: Options): Promise<GitResult> {
    for (const pauseMs of pausesMs) {
      const result = await this.#spawn(directory, args, options);
      if (result.exitCode === 0 || !collision.test(result.stderr)) return result;
      await pause(pauseMs);
    }
    return this.#spawn(directory, args, options);
  }

  async #spawn(directory: string, args: readonly string[], options: Options): Promise<GitResult> {
    const { execa } = await import('execa');
    const result = await spawning(() =>
      execa('git', ['-C', directory, ...settings, ...args], {
        cwd: '/',
        env: { ...this.#environment, ...options.env },
        extendEnv: false,
        ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
        reject: false,
        timeout: options.timeout,
        encoding: options.encoding ?? 'utf8',
        maxBuffer: mostOutputBytes,
        stripFinalNewline: true,
      }),
    );
    if (result.exitCode === undefined)
      throw failure(args, { exitCode: -1, stdout: '', stderr: result.shortMessage ?? '' });
    return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  }
}

function requireSpace(directory: string, { exitCode, stderr }: GitResult): void {
  const said = /(?<path>\/[^\n:']+)?'?: No space left on device/.exec(stderr);
  if (exitCode !== 0 && said) throw fullDisk(said.groups?.['path'] ?? directory);
}

export function succeed(args: readonly string[], result: GitResult): string {
  if (result.exitCode !== 0) throw failure(args, result);
  return result.stdout;
}

/** What git said when it failed; empty for any other error. */
export function saidBy(error: unknown): string {
  const said = error instanceof WtdError ? error.data['stderr'] : undefined;
  return typeof said === 'string' ? said : '';
}

function failure(args: readonly string[], result: GitResult): WtdError {
  const lines = result.stderr.trim().split('\n');
  const said = lines.find((line) => /^(fatal|error): /.test(line)) ?? lines.at(-1) ?? '';
  return new WtdError('GIT_FAILED', `git ${args[0] ?? ''} failed: ${said}`, {
    hint: 'see what git says, mend it and try again',
    command: ['git', ...args],
    exitCode: result.exitCode,
    stderr: result.stderr.slice(0, 10_000),
  });
}
