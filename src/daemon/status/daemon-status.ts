import { isoTime, type Clock } from '../../base/clock.ts';
import { version } from '../../base/version.ts';
import type { Result } from '../../contract/index.ts';
import type { Registry } from '../registry/registry.ts';

const bytesPerMegabyte = 1_000_000;
const memoryFreshMs = 1000;

interface Parts {
  registry: Registry;
  clock: Clock;
  socket: string;
  home: string;
}

/** Which daemon this is and how it is. */
export class DaemonStatus {
  readonly #parts: Parts;
  readonly #startedAt: string;
  /** Of the monotonic clock, so that the time it is up does not jump. */
  readonly #started = performance.now();
  #count: () => number = () => 0;
  #memory = { at: performance.now(), megabytes: measureMemory() };

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#startedAt = isoTime(parts.clock.now());
  }

  /** The server comes later than the services it serves. */
  countConnections(count: () => number): void {
    this.#count = count;
  }

  /** Asking reads a file of the kernel's, which is most of what a round trip costs, so it is asked once a second. */
  #memoryMb(): number {
    const now = performance.now();
    if (now - this.#memory.at > memoryFreshMs) {
      try {
        this.#memory = { at: now, megabytes: measureMemory() };
      } catch {
        // No descriptor is left to read it; what was read last is near enough, and the status is needed most now.
      }
    }
    return this.#memory.megabytes;
  }

  describe(): Result<'daemon.status'> {
    const { registry, socket, home } = this.#parts;
    return {
      version,
      protocol: 1,
      pid: process.pid,
      startedAt: this.#startedAt,
      uptimeMs: Math.round(performance.now() - this.#started),
      socket,
      home,
      memoryMb: this.#memoryMb(),
      counts: {
        repositories: registry.repositories.count(),
        worktrees: registry.worktrees.countLive(),
        plans: registry.plans.count(),
        running: registry.runs.countPlaced(),
        queued: registry.runs.countQueued(),
        connections: this.#count(),
      },
    };
  }
}

const measureMemory = (): number => Math.round(process.memoryUsage.rss() / bytesPerMegabyte);
