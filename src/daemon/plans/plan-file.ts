export interface Task {
  id: string;
  text: string;
  done: boolean;
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

/** Reads a Markdown plan: phases, and below them tasks with an id, both at column 0. Everything else is prose. Pure. */
export function parsePlanFile(markdown: string): PlanFile {
  const file: PlanFile = { phases: [], loose: [] };
  for (const line of markdown.split(/\r?\n/)) {
    const phase = phaseLine.exec(line)?.groups;
    if (phase) file.phases.push({ number: Number(phase['number']), title: (phase['title'] ?? '').trim(), tasks: [] });
    const task = taskLine.exec(line)?.groups;
    if (!task) continue;
    const { id = '', text = '', mark } = task;
    (file.phases.at(-1)?.tasks ?? file.loose).push({ id, text: text.trim(), done: mark !== ' ' });
  }
  return file;
}
