import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const blockBytes = 4096;

/** A file system in memory of a few megabytes, mounted on a directory, that a test can fill to the last byte. */
export class SmallDisk implements Disposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Answers why not where this machine or user may not mount. */
  static mount(path: string, megabytes: number): SmallDisk | string {
    mkdirSync(path, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'wtd-test', path], { stdio: 'pipe' });
    } catch (error) {
      return `no small disk could be mounted: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`;
    }
    return new SmallDisk(path);
  }

  fill(): void {
    try {
      for (;;) appendFileSync(join(this.path, 'ballast'), Buffer.alloc(blockBytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  /** All that `fill` took. */
  free(): void {
    rmSync(join(this.path, 'ballast'), { force: true });
  }

  /** Also while somebody still has files open on it. */
  [Symbol.dispose](): void {
    execFileSync('umount', ['--lazy', this.path], { stdio: 'pipe' });
  }
}
