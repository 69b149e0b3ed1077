import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskReport } from '../../../contract/models.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import { findOwnFile } from '../../repositories/own-file.ts';
import { isMissing } from '../../worktrees/entry.ts';
import { statusFile } from './context-directory.ts';
import { parsePlanFile, type PlanFile } from './plan-file.ts';
import { parseStatusFile } from './status-file.ts';

/** A larger file is no plan. */
const mostBytes = 1_000_000;
/** Each picture has all of them, and `status.json` must stay small enough to be read. */
const mostTasks = 2000;

export interface About {
  plan: PlanRow;
  repository: RepositoryRow;
  worktree: WorktreeRow | undefined;
}

/** What the files of a plan say of its tasks. */
export interface FoundInFiles {
  /** Null: there is no plan file, or it cannot be read. */
  file: PlanFile | null;
  /** Null: there is no `status.json`. */
  noted: readonly TaskReport[] | null;
  /** False: the worktree that the plan once had is gone, and with it what was ticked off there. */
  isWhole: boolean;
  warnings: string[];
}

interface Read<T> {
  version: string;
  value: T;
}

interface Known {
  file: Read<FoundFile>;
  status: Read<FoundStatus>;
  found: FoundInFiles;
}

type FoundFile = Pick<FoundInFiles, 'file' | 'warnings'>;
type FoundStatus = Pick<FoundInFiles, 'noted' | 'warnings'>;

/** Reads the files of plans again only when they changed; what did not change is the very same value. */
export class TaskFiles {
  readonly #known = new Map<string, Known>();

  /** The worktree's plan file is the one that the run ticks off; without it, that of the checkout. */
  async read({ plan, repository, worktree }: About): Promise<FoundInFiles> {
    const known = this.#known.get(plan.id);
    const place = worktree && !(await isMissing(worktree.path)) ? worktree.path : undefined;
    const [file, status] = await Promise.all([
      readPlanFile(plan.file, { roots: [place, repository.path], known: known?.file }),
      readStatusFile(place, known?.status),
    ]);
    const isWhole = place !== undefined || plan.worktreeId === null;
    const isSame = known?.file === file && known.status === status && known.found.isWhole === isWhole;
    if (isSame) return known.found;
    const warnings = [...file.value.warnings, ...status.value.warnings];
    const found = { ...file.value, ...status.value, isWhole, warnings };
    this.#known.set(plan.id, { file, status, found });
    return found;
  }

  /** What was last found. */
  of(plan: string): FoundInFiles | undefined {
    return this.#known.get(plan)?.found;
  }

  forget(plan: string): void {
    this.#known.delete(plan);
  }
}

async function readPlanFile(
  file: string | null,
  { roots, known }: { roots: readonly (string | undefined)[]; known: Read<FoundFile> | undefined },
): Promise<Read<FoundFile>> {
  for (const root of file === null ? [] : roots) {
    const read = root === undefined ? undefined : await readMarkdown(join(root, file ?? ''), known);
    if (read) return read;
  }
  const isLost = file !== null && roots[0] !== undefined;
  const warnings = isLost ? [`${file} cannot be read, neither in the worktree nor in the checkout`] : [];
  const version = `none: ${warnings.join('')}`;
  return known?.version === version ? known : { version, value: { file: null, warnings } };
}

/** Undefined when there is none, or nobody may read it. */
async function readMarkdown(path: string, known: Read<FoundFile> | undefined): Promise<Read<FoundFile> | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return undefined;
    const version = `${path} ${found.ino} ${found.mtimeMs} ${found.size}`;
    if (known?.version === version) return known;
    const tooMuch = (why: string) => ({ version, value: { file: null, warnings: [`${path} is not read: ${why}`] } });
    if (found.size > mostBytes) return tooMuch(`it has ${found.size} bytes, and a plan file at most ${mostBytes}`);
    const file = parsePlanFile(await readFile(path, 'utf8'));
    const parts = file.loose.length + file.phases.reduce((sum, { tasks }) => sum + 1 + tasks.length, 0);
    if (parts > mostTasks) return tooMuch(`it has ${parts} phases and tasks, and a plan file at most ${mostTasks}`);
    return { version, value: { file, warnings: [] } };
  } catch {
    return undefined;
  }
}

async function readStatusFile(place: string | undefined, known: Read<FoundStatus> | undefined) {
  const keep = (version: string, value: () => FoundStatus) =>
    known?.version === version ? known : { version, value: value() };
  try {
    const found = place === undefined ? undefined : await findOwnFile(place, statusFile);
    if (!found) return keep('', () => ({ noted: null, warnings: [] }));
    const version = `${found.path} ${found.version}`;
    if (known?.version === version) return known;
    const { noted, wrong } = parseStatusFile((await found.read()).toString());
    const warnings = wrong === null ? [] : [`${found.path} does not count, or not all of it: ${wrong}`];
    return { version, value: { noted, warnings } };
  } catch (error) {
    const { message } = error as Error;
    return keep(message, () => ({ noted: [], warnings: [message] }));
  }
}
