import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const outputFile = 'output.log';
const environmentFile = 'environment.json';
const descriptionFile = 'run.json';
/** What run.json becomes when the run is to be forgotten. */
const forgottenFile = 'forgotten.json';
const tryPrefix = 'try-';
/** Of a directory that is being deleted. */
const gonePrefix = '.gone-';

/** The directories of runs: `<runs>/<id>/`, each 0700, with the output, what was intended, and each try to start. */
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

  /** Keeps what is needed to write the run's row again. Synchronous: it belongs to the change that it tells of. */
  describe(run: string, description: Readonly<Record<string, unknown>>): void {
    const file = join(this.of(run), descriptionFile);
    writeFileSync(`${file}.new`, JSON.stringify(description), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    rmSync(join(this.of(run), forgottenFile), { force: true });
  }

  /** From now on nobody restores the run. */
  forget(run: string): void {
    const file = join(this.of(run), descriptionFile);
    if (existsSync(file)) renameSync(file, join(this.of(run), forgottenFile));
  }

  isForgotten(run: string): boolean {
    return existsSync(join(this.of(run), forgottenFile));
  }

  /** Undefined when there is no description, null when there is one that cannot be read. */
  async readDescription(run: string): Promise<unknown> {
    try {
      return JSON.parse(await readFile(join(this.of(run), descriptionFile), 'utf8'));
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : null;
    }
  }

  /**
   * A directory for one try to start the run. A start that was cancelled keeps its own, record and all, so that a
   * parent that comes up late can never be mistaken for that of a later try.
   */
  async newTry(run: string): Promise<string> {
    const directory = join(this.of(run), `${tryPrefix}${(await this.#tries(run)) + 1}`);
    await mkdir(directory, { mode: 0o700 });
    return directory;
  }

  /** The directory of the last try; without any, one that is not there. */
  async lastTry(run: string): Promise<string> {
    return join(this.of(run), `${tryPrefix}${await this.#tries(run)}`);
  }

  /** Whether anything was ever tried in it. */
  async wasTried(run: string): Promise<boolean> {
    return (await this.#tries(run)) > 0;
  }

  async #tries(run: string): Promise<number> {
    const names = await readdir(this.of(run)).catch((error: unknown): string[] => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error; // what cannot be read may well be there
    });
    return names.filter((name) => name.startsWith(tryPrefix)).length;
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.#root, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  }

  /** Renamed first: what a crash leaves of it is then no directory of a run any more. */
  async remove(run: string): Promise<void> {
    const gone = join(this.#root, `${gonePrefix}${run}`);
    await rename(this.of(run), gone).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
    await rm(gone, { recursive: true, force: true });
  }

  /** Deletes what earlier removals left. */
  async removeRests(): Promise<void> {
    const names = await readdir(this.#root);
    for (const name of names.filter((each) => each.startsWith(gonePrefix))) {
      await rm(join(this.#root, name), { recursive: true, force: true });
    }
  }
}
