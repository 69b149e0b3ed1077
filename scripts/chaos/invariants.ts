import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Client } from '../../src/client/client.ts';
import { RemoteError } from '../../src/client/errors.ts';
import type { Checkout } from '../../test/rig/repository.ts';
import type { Event, Run } from '../../src/contract/models.ts';
import { jobOf, keyOf, type Truth, type World } from './world.ts';

const endedStates = ['succeeded', 'failed', 'stopped', 'lost'];

/** What was checked in earlier rounds and need not be checked again. */
export class Invariants {
  readonly #world: World;
  readonly #checkedRuns = new Set<string>();
  #lastEvent = 0;
  /** The registry was lost at least once. */
  #isNewRegistry = false;
  runs = 0;
  /** What a repair of the doctor's mended. */
  repairs = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Everything that is not as it must be, in words. Nothing may be going on. */
  async check(client: Client): Promise<string[]> {
    const { runs } = await client.call('run.list', { limit: 1000 });
    const truth = this.#world.readTruth();
    const found = [
      ...this.#world.readOverlaps(),
      ...runs.filter(({ id }) => !this.#checkedRuns.has(id)).flatMap((run) => this.#checkRun(run, truth.get(run.id))),
      ...(await this.#checkKnown(client, truth)),
      ...(await this.#checkEvents(client)),
      ...(await this.#checkDoctor(client)),
      ...(await this.#checkWorktrees(client)),
      ...this.#checkProcesses(runs),
    ];
    this.#world.forgetRound();
    for (const { id } of runs) this.#checkedRuns.add(id);
    for (const id of truth.keys()) this.#checkedRuns.add(id);
    this.runs = this.#checkedRuns.size;
    return found;
  }

  #checkRun(run: Run, truth: Truth | undefined): string[] {
    const found: string[] = [];
    const say = (sentence: string) => found.push(`run ${run.id} of ${run.plan} ${sentence}: ${JSON.stringify(run)}`);
    if (!endedStates.includes(run.state)) say('has not ended');
    if ((truth?.starts.length ?? 0) > 1) say(`was started ${truth?.starts.length ?? 0} times`);
    if (!this.#mayHaveEndedSo(run, truth)) say(`did ${JSON.stringify(truth)}, which is not what is recorded`);
    if (run.durationMs !== null && run.durationMs < 0) say('took less than no time');
    // A removal that was cut short may have got as far as the output of the plan's runs.
    const isHalfRemoved =
      !existsSync(run.logPath ?? '') && this.#world.removalsAsked.has(keyOf(run.repository, run.plan));
    if (truth && truth.starts.length > 0 && !isHalfRemoved) {
      const complaint = checkLog(run, truth);
      if (complaint !== undefined) say(complaint);
    }
    return found;
  }

  /** Whether the recorded end is one that what truly happened allows. */
  #mayHaveEndedSo(run: Run, truth: Truth | undefined): boolean {
    const { stopsAsked, killedCommands, killedParents } = this.#world;
    if (run.state === 'stopped') return stopsAsked.has(keyOf(run.repository, run.plan));
    if (run.state === 'lost') return killedParents.has(run.id) && run.reason === 'killed';
    const started = (truth?.starts.length ?? 0) > 0;
    if (!started) return run.state === 'failed' && run.reason === 'spawn';
    if (truth?.code === 0) return run.state === 'succeeded' && run.exitCode === 0;
    if (truth && truth.code !== null)
      return run.state === 'failed' && run.reason === 'exit' && run.exitCode === truth.code;
    return run.state === 'failed' && run.signal === 'SIGKILL' && killedCommands.has(run.id);
  }

  /** What was acknowledged, and what truly ran, must be known, unless its plan was removed since. */
  async #checkKnown(client: Client, truth: ReadonlyMap<string, Truth>): Promise<string[]> {
    const expected = new Map<string, string>();
    for (const [id, { repository, plan }] of this.#world.acknowledged) expected.set(id, keyOf(repository, plan));
    for (const [id, { starts }] of truth) for (const { plan } of starts) expected.set(id, plan);
    const found: string[] = [];
    for (const [id, plan] of expected) {
      if (this.#checkedRuns.has(id) || this.#world.removalsAsked.has(plan)) continue;
      if (!(await findRun(client, id))) found.push(`run ${id} of ${plan} was acknowledged or ran, and is not known`);
    }
    return found;
  }

  /** Numbered without gaps; only a registry that was rebuilt begins a new stretch. */
  async #checkEvents(client: Client): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      const events = await eventsAfter(client, this.#lastEvent);
      for (const { seq, type } of events) {
        const isNewStretch = type === 'registry.rebuilt' && seq > this.#lastEvent;
        this.#isNewRegistry ||= isNewStretch;
        if (seq !== this.#lastEvent + 1 && !isNewStretch) found.push(`event ${seq} follows ${this.#lastEvent}`);
        this.#lastEvent = seq;
      }
      if (events.length === 0) return found;
    }
  }

  async #checkWorktrees(client: Client): Promise<string[]> {
    const found: string[] = [];
    const { plans } = await client.call('plan.list', {});
    const worktrees = plans.flatMap(({ worktree }) => worktree ?? []);
    const ports = worktrees.flatMap(({ ports: range }) => range?.start ?? []);
    if (new Set(ports).size !== ports.length) found.push(`worktrees share ports: ${ports.join(', ')}`);
    for (const repository of this.#world.repositories) {
      const listed = repository.worktrees().filter((path) => path !== repository.path);
      const known = worktrees.map(({ path }) => path).filter((path) => path.startsWith(`${repository.path}/`));
      const differing = [...listed, ...known].filter((path) => listed.includes(path) !== known.includes(path));
      if (differing.length > 0) found.push(`git and wtd do not agree about ${[...new Set(differing)].join(', ')}`);
      repository.git('fsck', '--connectivity-only', '--no-dangling');
    }
    return found;
  }

  /** Whatever differs between git, database, disk and processes must be mended by a repair. */
  async #checkDoctor(client: Client): Promise<string[]> {
    const { findings } = await client.call('daemon.doctor', { repair: true });
    this.repairs += findings.filter(({ repaired }) => repaired).length;
    const left = findings.filter(({ repaired }) => !repaired);
    for (const repository of this.#world.repositories) {
      const orphans = left.filter((finding) => finding.kind === 'orphan_branch' && isOf(repository, finding));
      if (orphans.length > 0) repository.git('branch', '--quiet', '-D', ...orphans.map(({ subject }) => subject));
    }
    // With its database wtd forgets which branches it made, also for later removals; they belong to people then.
    return left
      .filter(({ kind }) => !(this.#isNewRegistry && kind === 'orphan_branch'))
      .map(({ kind, subject, detail }) => `doctor leaves ${kind} ${subject}: ${detail}`);
  }

  #checkProcesses(runs: readonly Run[]): string[] {
    const found: string[] = [];
    if (!isAlive(this.#world.decoy)) found.push('the decoy was killed');
    for (const { pid, run } of listMarked(this.#world.home.socket)) {
      if (!runs.some(({ id, state }) => id === run && !endedStates.includes(state))) {
        found.push(`process ${pid} of run ${run} is left: ${describeProcess(pid)}`);
      }
    }
    return found;
  }
}

const isOf = (checkout: Checkout, { repository }: { repository: string | null }): boolean =>
  repository !== null && checkout.path.endsWith(`/${repository}`);

/** Every line in its order; all of them when the worker came to its end. */
function checkLog({ logPath, command }: Run, { code }: Truth): string | undefined {
  const lines = readFileSync(logPath ?? '', 'utf8').split('\n');
  const job = jobOf(command);
  if (code !== null && lines.length - 1 !== job.lines)
    return `has ${lines.length - 1} of ${job.lines} lines in its log`;
  const wrong = lines.slice(0, -1).findIndex((line, index) => line !== `line ${index + 1}`);
  if (wrong >= 0) return `has ${JSON.stringify(lines[wrong])} as line ${wrong + 1} of its log`;
  return undefined;
}

async function findRun(client: Client, run: string): Promise<Run | undefined> {
  try {
    return await client.call('run.show', { run });
  } catch (error) {
    if (error instanceof RemoteError && error.data.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

async function eventsAfter(client: Client, after: number): Promise<Event[]> {
  try {
    return (await client.call('event.list', { after, limit: 1000 })).events;
  } catch (error) {
    if (!(error instanceof RemoteError) || error.data.code !== 'NOT_FOUND') throw error;
    return (await client.call('event.list', { after: Number(error.data['oldest']) - 1, limit: 1000 })).events;
  }
}

function listMarked(socket: string): { pid: number; run: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const variables = readEnvironment(name);
      const run = variables.find((text) => text.startsWith('WTD_RUN='))?.slice('WTD_RUN='.length);
      return run !== undefined && variables.includes(`WTD_SOCKET=${socket}`) ? [{ pid: Number(name), run }] : [];
    });
}

function readEnvironment(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

const describeProcess = (pid: number): string =>
  execFileSync('ps', ['-o', 'pid,ppid,sid,stat,args', '-p', String(pid)]).toString();

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
