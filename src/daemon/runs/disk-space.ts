import { stat } from 'node:fs/promises';
// Not loaded late: an import that fails for want of descriptors fails for good.
import * as checkDiskSpaceModule from 'check-disk-space';

const bytesPerMegabyte = 1_000_000;
/** Asking spawns df, so an answer is used for a while. */
const freshMs = 2000;
const patienceMs = 5000;

export interface DiskSpace {
  path: string;
  freeMb: number;
  totalMb: number;
}

/** Free space of file systems, asked at most once a moment for each path. */
export class DiskSpaces {
  readonly #answers = new Map<string, { at: number; space: Promise<DiskSpace | undefined> }>();

  /** Undefined when the machine does not tell. */
  async of(path: string): Promise<DiskSpace | undefined> {
    const known = this.#answers.get(path);
    if (known && performance.now() - known.at < freshMs) return known.space;
    const space = ask(path);
    this.#answers.set(path, { at: performance.now(), space });
    return space;
  }

  /** What tells the file system of a path from others; undefined when there is no such path. */
  async fileSystemOf(path: string): Promise<number | undefined> {
    return (await stat(path).catch(() => undefined))?.dev;
  }
}

/** Bytes. */
type CheckDiskSpace = (path: string) => Promise<{ free: number; size: number }>;

/** Its types describe the CommonJS build, which `import` does not load. */
const checkDiskSpace = (checkDiskSpaceModule as unknown as { default: CheckDiskSpace }).default;

async function ask(path: string): Promise<DiskSpace | undefined> {
  const timeout = new Promise<undefined>((resolve) => {
    setTimeout(resolve, patienceMs, undefined).unref();
  });
  const space = await Promise.race([checkDiskSpace(path), timeout]).catch(() => undefined);
  if (space === undefined) return undefined;
  return {
    path,
    freeMb: Math.floor(space.free / bytesPerMegabyte),
    totalMb: Math.floor(space.size / bytesPerMegabyte),
  };
}
