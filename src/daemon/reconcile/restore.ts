import type { RunDirectories } from '../runs/run-directory.ts';
import type { Restorer } from './restorer.ts';

/** Restores nothing yet; takes away what provably holds nothing. */
export class Restore implements Restorer {
  readonly #directories: RunDirectories;

  constructor({ directories }: { directories: RunDirectories }) {
    this.#directories = directories;
  }

  async restoreRun(id: string): Promise<'stray' | 'unreadable'> {
    if (await this.#directories.wasTried(id)) return 'unreadable';
    await this.#directories.remove(id);
    return 'stray';
  }

  async restoreWorktree(): Promise<boolean> {
    return Promise.resolve(false);
  }
}
