import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { newId } from '../../base/id.ts';
import { KeyedMutex } from '../../base/mutex.ts';

const trashName = '.trash';
const mostTries = 5;

/**
 * Where directories of worktrees go: beside them, on the same file system, so that moving takes no time whatever
 * their size. They are deleted later.
 */
export class Trash {
  /** The trash may go when it is empty, but not while something is being put in. */
  readonly #turns = new KeyedMutex();

  async put(directory: string): Promise<void> {
    const trash = join(dirname(directory), trashName);
    await this.#turns.run(trash, async () => {
      for (let tries = 1; ; tries += 1) {
        try {
          await mkdir(trash, { recursive: true, mode: 0o700 });
          await rename(directory, join(trash, `${basename(directory)}-${newId()}`));
          return;
        } catch (error) {
          // The daemon of another home may have found the trash empty just now.
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === mostTries) throw error;
        }
      }
    });
  }

  /** Deletes what lies in the trash of a directory of worktrees, and the trash itself once it is empty. */
  async empty(worktreesDirectory: string): Promise<void> {
    const trash = join(worktreesDirectory, trashName);
    const entries = await readdir(trash).catch((): string[] => []);
    for (const entry of entries) await rm(join(trash, entry), { recursive: true, force: true });
    await this.#turns.run(trash, () => removeIfEmpty(trash));
  }
}

export async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch(() => undefined);
}
