export interface Task {
  id: string;
  text: string;
  done: boolean;
  /** Ids of the tasks that come before it, as they are written there. */
  depends: string[];
}

export interface Phase {
  number: number;
  title: string;
  tasks: Task[];
}

export interface PlanFile {
  phases: Phase[];
  /** Tasks above the first phase. */
  loose: Task[];
}

const phaseLine = /^## Phase (?<number>\d+): (?<title>.+)$/;
const taskLine = /^- \[(?<mark>[ xX])\] (?<id>\d+\.\d+(?:\.\d+)?) (?<text>.+)$/;
const dependsNote = /^\(\s*depends\s*:(?<ids>[^()]*)\)$/i;

/** Reads a Markdown plan: phases, and below them tasks with an id, both at column 0. Everything else is prose. Pure. */
export function parsePlanFile(markdown: string): PlanFile {
  const file: PlanFile = { phases: [], loose: [] };
  for (const line of withoutMark(markdown).split(/\r?\n/)) {
    const phase = phaseLine.exec(line)?.groups;
    if (phase) file.phases.push({ number: Number(phase['number']), title: (phase['title'] ?? '').trim(), tasks: [] });
    const task = taskLine.exec(line)?.groups;
    if (!task) continue;
    const { id = '', text = '', mark } = task;
    (file.phases.at(-1)?.tasks ?? file.loose).push({ id, ...splitText(text.trim()), done: mark !== ' ' });
  }
  return file;
}

/** Without the byte order mark that some editors put first. */
export const withoutMark = (text: string): string => text.replace(/^\uFEFF/, '');

/** `Test it (depends: 1.1, 1.2)`; looked for from the end, because a long line must not be searched again and again. */
function splitText(text: string): Pick<Task, 'text' | 'depends'> {
  const start = text.endsWith(')') ? text.lastIndexOf('(') : -1;
  const ids = start === -1 ? undefined : dependsNote.exec(text.slice(start))?.groups?.['ids'];
  if (ids === undefined) return { text, depends: [] };
  const depends = ids.split(/[\s,]+/).filter((id) => id !== '');
  return { text: text.slice(0, start).trimEnd(), depends: [...new Set(depends)] };
}
