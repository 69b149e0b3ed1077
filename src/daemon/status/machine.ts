import { cpus, freemem, loadavg, totalmem } from 'node:os';
import type { Picture } from '../../contract/status.ts';
import type { Configuration } from '../config.ts';
import type { DiskSpaces } from '../runs/disk-space.ts';

const bytesPerMegabyte = 1_000_000;

/** How the machine is. CPU use is that since the last time somebody asked. */
export class Machine {
  readonly #parts: { disks: DiskSpaces; configuration: Configuration; home: string };
  #last = cpuTimes();

  constructor(parts: { disks: DiskSpaces; configuration: Configuration; home: string }) {
    this.#parts = parts;
  }

  async describe(): Promise<Picture['machine']> {
    const space = await this.#parts.disks.of(this.#parts.home);
    return {
      cpuPercent: this.#cpuPercent(),
      loadAverage: loadavg(),
      memoryMb: Math.round((totalmem() - freemem()) / bytesPerMegabyte),
      memoryTotalMb: Math.round(totalmem() / bytesPerMegabyte),
      disk: {
        path: this.#parts.home,
        freeMb: space?.freeMb ?? null,
        totalMb: space?.totalMb ?? null,
        state: space ? this.#diskState(space.freeMb) : null,
      },
    };
  }

  #diskState(freeMb: number): 'ok' | 'low' | 'critical' {
    const { min_disk_space_mb: least, warn_disk_space_mb: warn } = this.#parts.configuration.current.resources;
    if (freeMb < least) return 'critical';
    return freeMb < warn ? 'low' : 'ok';
  }

  #cpuPercent(): number | null {
    const now = cpuTimes();
    const total = now.total - this.#last.total;
    const busy = now.busy - this.#last.busy;
    if (total <= 0) return null;
    this.#last = now;
    return Math.round((busy / total) * 1000) / 10;
  }
}

function cpuTimes(): { total: number; busy: number } {
  const times = cpus().map((cpu) => cpu.times);
  const total = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  return { total, busy: total - times.reduce((sum, { idle }) => sum + idle, 0) };
}
