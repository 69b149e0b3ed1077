import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const outputFile = 'output.log';
const environmentFile = 'environment.json';
const descriptionFile = 'run.json';

/** The directories of runs: `<runs>/<id>/`, each 0700, with the output, the parent's record and what was intended. */
export class RunDirectories {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  of(run: string): string {
    return join(this.#root, run);
  }

  logOf(run: string): string {
    return join(this.#root, run, outputFile);
  }

  async create(run: string): Promise<void> {
    await mkdir(this.of(run), { recursive: true, mode: 0o700 });
  }

  /** Keeps the environment until the exec; secrets may be in it, so nobody else may read it and it is never logged. */
  async keepEnvironment(run: string, env: Readonly<Record<string, string>>): Promise<void> {
    await writeFile(join(this.of(run), environmentFile), JSON.stringify(env), { mode: 0o600 });
  }

  async readEnvironment(run: string): Promise<Record<string, string> | undefined> {
    try {
      return JSON.parse(await readFile(join(this.of(run), environmentFile), 'utf8')) as Record<string, string>;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async forgetEnvironment(run: string): Promise<void> {
    await rm(join(this.of(run), environmentFile), { force: true });
  }

  /** What is needed to write the run's row again. */
  async describe(run: string, description: Readonly<Record<string, unknown>>): Promise<void> {
    const file = join(this.of(run), descriptionFile);
    await writeFile(`${file}.new`, JSON.stringify(description), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  /** For a start that is tried again: nothing of the first try may be mistaken for the second. */
  async clearAttempt(run: string): Promise<void> {
    for (const name of ['record', 'alive', 'start']) await rm(join(this.of(run), name), { force: true });
  }

  /** Whether a parent came up in it, or was kept from it. */
  async wasClaimed(run: string): Promise<boolean> {
    const names = await readdir(this.of(run)).catch((): string[] => []);
    return names.includes('record');
  }

  async list(): Promise<string[]> {
    return readdir(this.#root);
  }

  async remove(run: string): Promise<void> {
    await rm(this.of(run), { recursive: true, force: true });
  }
}
