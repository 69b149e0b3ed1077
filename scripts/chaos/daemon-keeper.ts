import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/connect.ts';
import type { Home } from '../../bench/home.ts';

/** The build that users get, or the one that knows faults. */
const mainFile = (env: Env): string => {
  const build = 'WTD_FAULT' in env || 'WTD_CLOCK' in env ? 'dist-faults' : 'dist';
  return fileURLToPath(new URL(`../../${build}/main.js`, import.meta.url));
};
const busyExitCode = 9;

type Env = Readonly<Record<string, string>>;

/** Keeps one daemon of a home going: whoever ends it says so, any other end is a crash. */
export class DaemonKeeper {
  readonly #home: Home;
  /** Exits nobody asked for, in words. */
  readonly crashes: string[] = [];
  #child: ChildProcess | undefined;

  constructor(home: Home) {
    this.#home = home;
    process.prependOnceListener('exit', () => this.#child?.kill('SIGKILL'));
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts one unless it is there; answers when it serves. */
  async ensure(): Promise<void> {
    while (!this.#child) await this.start();
  }

  /** Answers whether this one serves: of two that are started at once, one gives way. */
  async start(env: Env = {}): Promise<boolean> {
    const child = spawn(process.execPath, [mainFile(env), 'daemon'], {
      cwd: '/',
      env: { ...this.#home.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let complaint = '';
    child.stderr.on('data', (text: Buffer) => (complaint += text.toString()));
    const ended = once(child, 'exit');
    void ended.then(([code, signal]) => {
      if (this.#child === child) {
        this.#child = undefined;
        if (signal === 'SIGKILL' && 'WTD_FAULT' in env) return;
        this.crashes.push(`the daemon ended with ${String(code ?? signal)}: ${complaint}`);
      }
    });
    const serves = await untilServing(child);
    if (!serves) await ended;
    if (serves && child.exitCode === null && child.signalCode === null) {
      this.#child = child;
      return true;
    }
    if (child.exitCode !== busyExitCode && child.signalCode === null && !('WTD_FAULT' in env)) {
      this.crashes.push(`the daemon did not start (${String(child.exitCode)}): ${complaint}`);
      throw new Error(this.crashes.at(-1));
    }
    return false;
  }

  /** Starts one and kills it after a while, wherever it is by then. */
  async startAndKill(afterMs: number): Promise<void> {
    const child = spawn(process.execPath, [mainFile({}), 'daemon'], {
      cwd: '/',
      env: this.#home.env,
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    await sleep(afterMs);
    child.kill('SIGKILL');
    await ended;
  }

  /** Sends a signal that ends it, and waits for the end. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGHUP'): void {
    this.#child?.kill(signal);
  }

  connect(): Promise<Client> {
    return connect({ socketPath: this.#home.socket, start: null });
  }
}

async function untilServing(child: ChildProcess): Promise<boolean> {
  if (!child.stdout) return false;
  for await (const line of createInterface(child.stdout)) {
    if (line.includes('wtd serves on ')) {
      child.stdout.resume();
      return true;
    }
  }
  return false;
}
