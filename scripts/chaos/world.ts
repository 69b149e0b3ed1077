import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Checkout } from '../../test/rig/repository.ts';
import { Home } from '../../bench/home.ts';
import { DaemonKeeper } from './daemon-keeper.ts';

const workerFile = fileURLToPath(new URL('worker.sh', import.meta.url));
const repositoryNames = ['shop', 'blog'];
const plansPerRepository = 15;

/** Names a plan among those of all repositories. */
export const keyOf = (repository: string, plan: string): string => `${basename(repository)}/${plan}`;

/** A plan that chaos starts again and again. */
export interface Actor {
  repository: string;
  plan: string;
}

/** What a worker is told to do. */
export interface Job {
  lines: number;
  pauseMs: number;
  code: number;
  /** Leaves a process behind that ignores TERM. */
  hasStray: boolean;
}

/** What a run did, by its worker's own record. */
export interface Truth {
  /** One for each time that it was carried out. */
  starts: { pid: number; plan: string }[];
  code: number | null;
}

/** Where chaos happens: a home, a daemon, repositories, plans, and what the workers tell of themselves. */
export class World {
  readonly home: Home;
  readonly daemon: DaemonKeeper;
  readonly repositories: readonly Checkout[];
  readonly actors: readonly Actor[];
  /** A process that is none of wtd's and must live. */
  readonly decoy: number;
  /** Plans that somebody asked to stop or to remove in this round; what became of that need not be known. */
  readonly stopsAsked = new Set<string>();
  readonly removalsAsked = new Set<string>();
  /** Runs of which chaos killed a process. */
  readonly killedParents = new Set<string>();
  readonly killedCommands = new Set<string>();
  /** Runs whose start was acknowledged, by id. */
  readonly acknowledged = new Map<string, Actor>();
  readonly #truth: string;
  readonly #killDecoy: () => void;

  constructor() {
    this.home = new Home({
      limits: { max_concurrent: 12, queue_size: 100, sample_interval: '500ms' },
      orchestrator: { shutdown_timeout: '500ms' },
      schedule: { reconcile: '*/2 * * * * *' },
    });
    this.#truth = join(this.home.directory, 'truth');
    for (const name of ['runs', 'claims']) mkdirSync(join(this.#truth, name), { recursive: true });
    execFileSync('mkfifo', [join(this.#truth, 'never')]);
    writeFileSync(join(this.#truth, 'overlaps'), '');
    this.daemon = new DaemonKeeper(this.home);
    this.repositories = repositoryNames.map((name) => this.home.makeRepository(name, 20));
    this.actors = this.repositories.flatMap(({ path }) =>
      Array.from({ length: plansPerRepository }, (_, index) => ({ repository: path, plan: `plan-${index + 1}` })),
    );
    const decoy = spawn('sleep', ['100000'], { stdio: 'ignore' });
    this.decoy = decoy.pid ?? 0;
    this.#killDecoy = () => decoy.kill('SIGKILL');
    process.prependOnceListener('exit', this.#killDecoy);
  }

  /** One run to its end. */
  async runOnce(): Promise<void> {
    await using client = await this.daemon.connect();
    const [actor] = this.actors;
    if (!actor) throw new Error('nobody acts');
    const command = this.commandOf({ lines: 1, pauseMs: 1, code: 0, hasStray: false });
    await client.call('plan.start', { ...actor, command, env: { ...this.home.env } });
    await client.call('plan.wait', { ...actor });
  }

  commandOf({ lines, pauseMs, code, hasStray }: Job): string[] {
    const words = [lines, pauseMs / 1000, code, hasStray ? 'yes' : 'no'];
    return ['bash', workerFile, this.#truth, ...words.map(String)];
  }

  /** Every run of which a worker told, by id. */
  readTruth(): Map<string, Truth> {
    const directory = join(this.#truth, 'runs');
    return new Map(readdirSync(directory).map((run) => [run, parseTruth(readFileSync(join(directory, run), 'utf8'))]));
  }

  readOverlaps(): string[] {
    return readFileSync(join(this.#truth, 'overlaps'), 'utf8').split('\n').filter(Boolean);
  }

  /** What was asked in a round that has been checked. */
  forgetRound(): void {
    this.stopsAsked.clear();
    this.removalsAsked.clear();
    this.acknowledged.clear();
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#killDecoy);
    this.#killDecoy();
    this.home[Symbol.dispose]();
  }
}

function parseTruth(text: string): Truth {
  const truth: Truth = { starts: [], code: null };
  for (const line of text.split('\n')) {
    const [word, first, repository = '', plan = ''] = line.split(' ');
    if (word === 'start') truth.starts.push({ pid: Number(first), plan: keyOf(repository, plan) });
    if (word === 'done') truth.code = Number(first);
  }
  return truth;
}

/** What a run was told to do, read from its command. */
export const jobOf = (command: readonly string[]): { lines: number; code: number } => {
  const [lines, , code] = command.slice(3);
  return { lines: Number(lines), code: Number(code) };
};
