import * as z from 'zod';
import { runState } from '../../contract/models.ts';
import type { PlanRow, RepositoryRow, RunRow, WorktreeRow } from '../registry/rows.ts';
import { descriptionVersion } from '../runs/run-mirror.ts';

/** What a run's directory tells of it: the rows as they were when the registry last wrote the run. */
export interface Description {
  newestEvent: number;
  run: RunRow;
  plan: PlanRow;
  repository: RepositoryRow;
  worktree: WorktreeRow | null;
}

const id = z.string().min(1);
/** As newId makes it; it names a directory. */
const runId = z.string().regex(/^[0-9a-f]{16}$/);
/** Only what decides where a row goes; the rest is checked by the database's own rules. */
const description = z.looseObject({
  version: z.literal(descriptionVersion),
  newestEvent: z.int().min(0),
  run: z.looseObject({ id: runId, attempt: z.int().min(1), state: runState, queuedAt: z.int() }),
  plan: z.looseObject({ id, name: id, branch: id }),
  repository: z.looseObject({ id, name: id, path: id, commonDir: id }),
  worktree: z.looseObject({ id, path: id, branch: z.string().nullable() }).nullable(),
});

/** Undefined when it is none, or that of another run. Pure. */
export function parseDescription(run: string, value: unknown): Description | undefined {
  const parsed = description.safeParse(value);
  return parsed.success && parsed.data.run.id === run ? (parsed.data as unknown as Description) : undefined;
}
