import type { TaskReport, TaskStatus } from '../../../contract/models.ts';
import type { Phase, PlanFile, Task } from './plan-file.ts';

/** Everything that tells of the tasks of a plan, the most believed last. */
interface Told {
  /** Null: there is no plan file, or it cannot be read. */
  file: PlanFile | null;
  /** What `status.json` says. */
  noted: readonly TaskReport[];
  /** What was said by `plan.progress`. */
  reported: readonly TaskReport[];
}

export interface JudgedTask {
  id: string;
  /** Null: there is no plan file that has it. */
  text: string | null;
  status: TaskStatus;
  source: 'reported' | 'status' | 'checkbox';
  note: string | null;
  depends: string[];
}

export interface JudgedTasks {
  loose: JudgedTask[];
  phases: (Pick<Phase, 'number' | 'title'> & { tasks: JudgedTask[] })[];
}

/**
 * How each task is: by what was reported of it, else by `status.json`, else by its checkbox. A `pending` in that file is
 * what was written there in the beginning, and no word against a box that has been ticked since. Pure.
 */
export function judgeTasks({ file, noted, reported }: Told): JudgedTasks {
  const said = { reported: byId(reported), noted: byId(noted) };
  if (file === null) {
    const ids = [...new Set([...said.reported.keys(), ...said.noted.keys()])].sort(compareIds);
    const bare = (id: string): Omit<Task, 'text'> => ({ id, done: false, depends: [] });
    return { loose: ids.map((id) => ({ ...judge(bare(id), said), text: null })), phases: [] };
  }
  const judged = (tasks: readonly Task[]) => tasks.map((task) => ({ ...judge(task, said), text: task.text }));
  return {
    loose: judged(file.loose),
    phases: file.phases.map(({ number, title, tasks }) => ({ number, title, tasks: judged(tasks) })),
  };
}

type Said = Readonly<Record<'reported' | 'noted', ReadonlyMap<string, TaskReport>>>;

function judge({ id, done, depends }: Omit<Task, 'text'>, said: Said): Omit<JudgedTask, 'text'> {
  const reported = said.reported.get(id);
  if (reported) return { id, status: reported.status, source: 'reported', note: reported.note, depends };
  const noted = said.noted.get(id);
  const isOutdated = done && noted?.status === 'pending';
  if (noted && !isOutdated) return { id, status: noted.status, source: 'status', note: noted.note, depends };
  return { id, status: done ? 'completed' : 'pending', source: 'checkbox', note: null, depends };
}

/** The last one of each id. */
const byId = (reports: readonly TaskReport[]): Map<string, TaskReport> =>
  new Map(reports.map((report) => [report.id, report]));

const compareIds = (one: string, other: string): number => {
  const [ours, theirs] = [one.split('.').map(Number), other.split('.').map(Number)];
  const place = ours.findIndex((number, index) => number !== theirs[index]);
  return place === -1 ? ours.length - theirs.length : (ours[place] ?? 0) - (theirs[place] ?? -1);
};

/** All of them, in their order. */
export const allOf = ({ loose, phases }: JudgedTasks): JudgedTask[] => [
  ...loose,
  ...phases.flatMap(({ tasks }) => tasks),
];

/** Nothing waits for it any more. */
export const isDone = ({ status }: Pick<JudgedTask, 'status'>): boolean =>
  status === 'completed' || status === 'skipped';

/** Ids that several tasks have, in sentences. Pure. */
export function findRepeatedIds(tasks: readonly JudgedTask[]): string[] {
  const repeated = tasks.filter(({ id }, place) => tasks.findIndex((task) => task.id === id) < place);
  const ids = [...new Set(repeated.map(({ id }) => id))];
  return ids.map((id) => `several tasks are called ${id}, so what is said of it is said of each`);
}

/** What is wrong with the dependencies, in sentences: those that no task answers to, and those in a circle. Pure. */
export function findWrongDependencies(tasks: readonly JudgedTask[]): string[] {
  const ids = new Set(tasks.map(({ id }) => id));
  const unknown = tasks.flatMap(({ id, depends }) =>
    depends
      .filter((each) => !ids.has(each))
      .map((each) => `task ${id} depends on ${each}, which is no task of this plan`),
  );
  const circle = findCircle(tasks);
  const [first] = circle;
  if (first === undefined) return unknown;
  const all = circle.join(', ');
  return [
    ...unknown,
    circle.length === 1 ? `task ${first} depends on itself` : `tasks ${all} depend on each other in a circle`,
  ];
}

/** The ids left when all that lead to no circle and that no circle leads to are taken away. */
function findCircle(tasks: readonly JudgedTask[]): string[] {
  const forth = new Map<string, string[]>(tasks.map(({ id }) => [id, []]));
  const back = new Map<string, string[]>(tasks.map(({ id }) => [id, []]));
  for (const { id, depends } of tasks) {
    for (const each of depends) {
      forth.get(id)?.push(each);
      back.get(each)?.push(id);
    }
  }
  const inner = peel(peel(new Set(forth.keys()), forth, back), back, forth);
  return [...inner].sort(compareIds);
}

/** Takes away, again and again, what has no edge to anything that is left. */
function peel(
  ids: ReadonlySet<string>,
  edges: ReadonlyMap<string, readonly string[]>,
  reverse: ReadonlyMap<string, readonly string[]>,
): Set<string> {
  const left = new Set(ids);
  const count = new Map([...left].map((id) => [id, (edges.get(id) ?? []).filter((to) => left.has(to)).length]));
  const free = [...left].filter((id) => count.get(id) === 0);
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    left.delete(id);
    for (const from of reverse.get(id) ?? []) {
      if (!left.has(from)) continue;
      const rest = (count.get(from) ?? 0) - 1;
      count.set(from, rest);
      if (rest === 0) free.push(from);
    }
  }
  return left;
}
