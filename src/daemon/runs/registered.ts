import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { faultPoint } from '../../base/fault-point.ts';
import { WtdError } from '../../contract/errors.ts';
import type { RunRow } from '../registry/rows.ts';
import type { Registry } from '../registry/registry.ts';
import { identify, liveness } from './identity.ts';
import type { RunLedger } from './ledger.ts';
import { endingOf, isActive, vanishedEnding } from './machine.ts';

/** Between the end of a process and its owner's word about it; a restart of the daemon may lie in between. */
const finishPatienceMs = 10_000;

interface Parts {
  registry: Registry;
  ledger: RunLedger;
  clock: Clock;
  bootId: string;
  onError: (error: unknown) => void;
  /** The daemon ends, and closes connections itself. */
  isEnding: () => boolean;
}

/** Runs that somebody else started: they say themselves how they are, and a token proves who speaks. */
export class RegisteredRuns {
  readonly #parts: Parts;
  /** When the process of a run was first seen gone. */
  readonly #gone = new Map<string, number>();
  /** When a run was last heard of. Like `#gone` of the monotonic clock, so that no run is silent because of a jump. */
  readonly #heard = new Map<string, number>();
  /** Of what its runs told an earlier daemon nothing counts. */
  readonly #began = performance.now();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  newToken(): { token: string; hash: string } {
    const token = randomBytes(24).toString('base64url');
    return { token, hash: hashOf(token) };
  }

  /** Which process it is, as changes to its row. Throws INVALID_PARAMS when there is no such process. */
  async proven(pid: number | undefined): Promise<Partial<RunRow>> {
    if (pid === undefined) return {};
    const identity = await identify(pid, this.#parts.bootId);
    if (identity === undefined) {
      throw new WtdError('INVALID_PARAMS', `pid: there is no process ${pid}`, {
        hint: 'give the pid of the process that carries the run out, or leave it out',
        issues: [{ path: 'pid', message: 'no such process' }],
      });
    }
    this.#refuseTaken(pid, identity.start);
    return { pid, processStart: identity.start, bootId: identity.bootId };
  }

  /** A run of the daemon itself, or of another run's process, could not be ended. */
  #refuseTaken(pid: number, start: string): void {
    const isOf = ({ parentPid, parentStart, kind, ...own }: RunRow) =>
      kind === 'supervised' &&
      ((parentPid === pid && parentStart === start) || (own.pid === pid && own.processStart === start));
    const other = this.#parts.registry.runs.placed().find(isOf);
    if (pid !== process.pid && !other) return;
    throw new WtdError('INVALID_PARAMS', `pid: ${pid} is the process of ${other ? `run ${other.id}` : 'the daemon'}`, {
      hint: 'give the pid of the process that carries this run out',
      issues: [{ path: 'pid', message: 'belongs to something else' }],
    });
  }

  async heartbeat(id: string, word: { token: string; pid?: number | undefined }): Promise<RunRow> {
    const run = this.#authorized(id, word.token);
    requireActive(run);
    const changes = { ...(await this.proven(word.pid)), lastHeartbeatAt: this.#parts.clock.now() };
    this.hear(id);
    this.#parts.registry.change(() => {
      this.#parts.registry.runs.update(id, changes);
    });
    return this.#parts.ledger.require(id);
  }

  /** It gave a sign of life. */
  hear(id: string): void {
    this.#heard.set(id, performance.now());
  }

  silenceMs(id: string): number {
    return performance.now() - (this.#heard.get(id) ?? this.#began);
  }

  finish(id: string, word: { token: string; exitCode: number }): RunRow {
    const run = this.#authorized(id, word.token);
    requireActive(run);
    this.#gone.delete(id);
    const ended = this.#parts.ledger.end(
      id,
      endingOf({ exitCode: word.exitCode, signal: null }, run.stopForce !== null),
    );
    faultPoint('finish: recorded');
    return ended;
  }

  /** Binds a run to a connection: its end ends the run, unless its process is provably alive. */
  follow(id: string, connection: { onClose(listener: () => void): void }): void {
    connection.onClose(() => {
      this.#disconnected(id).catch(this.#parts.onError);
    });
  }

  async #disconnected(id: string): Promise<void> {
    if (this.#parts.isEnding()) return;
    const run = this.#parts.registry.runs.get(id);
    if (run && isActive(run.state) && (await this.#isGone(run)) !== false)
      this.#parts.ledger.end(id, vanishedEnding('killed', false));
  }

  /** Ends those whose process is provably gone and whose owner did not say so in time. */
  async check(): Promise<void> {
    const { registry, ledger } = this.#parts;
    const placed = registry.runs.placed();
    for (const known of [this.#gone, this.#heard]) {
      for (const id of known.keys()) if (!placed.some((run) => run.id === id)) known.delete(id);
    }
    for (const run of placed) {
      if (run.kind !== 'registered') continue;
      if ((await this.#isGone(run)) !== true) {
        this.#gone.delete(run.id);
        continue;
      }
      const since = this.#gone.get(run.id) ?? performance.now();
      this.#gone.set(run.id, since);
      const wasReboot = run.bootId !== this.#parts.bootId;
      if (!wasReboot && performance.now() - since < finishPatienceMs) continue;
      this.#gone.delete(run.id);
      ledger.end(run.id, vanishedEnding(wasReboot ? 'reboot' : 'killed', run.stopForce !== null));
    }
  }

  /** Undefined: nobody can tell. */
  async #isGone(run: RunRow): Promise<boolean | undefined> {
    if (run.pid === null || run.processStart === null || run.bootId === null) return undefined;
    const now = await liveness({ bootId: run.bootId, pid: run.pid, start: run.processStart }, this.#parts.bootId);
    return now === 'unknown' ? undefined : now === 'gone';
  }

  #authorized(id: string, token: string): RunRow {
    const run = this.#parts.ledger.require(id);
    const given = Buffer.from(hashOf(token));
    if (run.tokenHash !== null && timingSafeEqual(given, Buffer.from(run.tokenHash))) return run;
    throw new WtdError('UNAUTHORIZED', `that is not the token of run ${id}`, {
      hint: 'use the token that run.register answered',
      run: id,
    });
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

function requireActive(run: RunRow): void {
  if (isActive(run.state)) return;
  throw new WtdError('INVALID_STATE', `run ${run.id} has already ended: ${run.state}`, {
    hint: 'register a new run',
    state: run.state,
    allowed: ['running'],
  });
}
