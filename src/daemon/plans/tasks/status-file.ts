import * as z from 'zod';
import type { TaskReport } from '../../../contract/models.ts';
import { taskId, taskNote } from '../../../contract/parameters.ts';
import { taskStatus } from '../../../contract/models.ts';
import { withoutMark } from './plan-file.ts';

const entry = z.object({ id: taskId, status: taskStatus, note: taskNote.nullish() });
const content = z.object({ tasks: z.array(z.unknown()) });

export interface StatusFile {
  noted: TaskReport[];
  /** What of it could not be taken, and why; null: nothing. */
  wrong: string | null;
}

/** Reads what a run notes of its tasks; a task that is not as it should be does not keep the others from counting. Pure. */
export function parseStatusFile(text: string): StatusFile {
  const found = content.safeParse(parseJson(text));
  if (!found.success) return { noted: [], wrong: 'it is not JSON of the form { "tasks": [ { "id", "status" } ] }' };
  const noted: TaskReport[] = [];
  const wrong: string[] = [];
  for (const [place, task] of found.data.tasks.entries()) {
    const parsed = entry.safeParse(task);
    if (parsed.success) noted.push({ ...parsed.data, note: parsed.data.note ?? null });
    else wrong.push(`tasks[${place}]: ${describe(parsed.error)}`);
  }
  const [first] = wrong;
  if (first === undefined) return { noted, wrong: null };
  return { noted, wrong: wrong.length === 1 ? first : `${first} (and ${wrong.length - 1} more)` };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(withoutMark(text));
  } catch {
    return undefined;
  }
}

function describe({ issues: [issue] }: z.ZodError): string {
  return [issue?.path.join('.'), issue?.message].filter(Boolean).join(' ');
}

/** The same for a worktree that has none yet. */
export const formatStatusFile = (tasks: readonly TaskReport[]): string =>
  `${JSON.stringify({ tasks: tasks.map(({ note, ...task }) => (note === null ? task : { ...task, note })) }, null, 2)}\n`;
