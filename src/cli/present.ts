import type { MethodName, Result } from '../contract/index.ts';
import { formatSweep, formatSweepPlan } from './cleanup-view.ts';
import { formatTable, listColumns } from './columns.ts';
import { formatConflicts } from './conflict-view.ts';
import { describeCompletion } from './completion-text.ts';
import { formatDiagnosis } from './doctor-view.ts';
import { formatCommand, formatValue, plain, type View } from './format.ts';
import { formatMergeOrder } from './merge-order-text.ts';
import { describeAbandonment } from './plan-text.ts';
import { describeLoan, describeReturn } from './pool-text.ts';
import { describeProgress, formatTasks } from './progress-view.ts';
import { describeEnd, describePause } from './run-text.ts';
import { formatStatus } from './status-view.ts';
import { describeRemoval, formatHealth } from './worktree-text.ts';

type Presenters = {
  [M in MethodName]?: (answer: Result<M>, view: View) => string | Promise<string>;
};

/** Answers that have a text of their own; the others are shown by their shape. */
const presenters: Presenters = {
  'cleanup.plan': formatSweepPlan,
  'cleanup.run': formatSweep,
  'conflict.matrix': formatConflicts,
  'conflict.order': formatMergeOrder,
  'daemon.doctor': formatDiagnosis,
  'daemon.reload': () => 'the daemon has read its configuration again\n',
  'daemon.shutdown': () => 'the daemon has ended\n',
  'event.watch': ({ seq, at, type, repository, plan, data }) =>
    `${seq} ${at} ${type} ${[repository, plan].filter((name) => name !== null).join('/')} ${formatValue(data)}\n`,
  'pool.acquire': describeLoan,
  'pool.release': describeReturn,
  'plan.abandon': describeAbandonment,
  'plan.complete': describeCompletion,
  'plan.logs': ({ line }) => `${line}\n`,
  'plan.pause': describePause,
  'plan.progress': describeProgress,
  'plan.remove': () => 'the plan is forgotten and its worktree taken away\n',
  'plan.resume': describePause,
  'plan.stop': describeEnd,
  'plan.tasks': formatTasks,
  'plan.wait': describeEnd,
  'repository.trust': ({ name, commands }) =>
    commands.length === 0
      ? `${name} is trusted; it asks to run nothing\n`
      : `${name} is trusted; in its new worktrees and before a merge it may run:\n${commands.map((words) => `  ${formatCommand(words)}\n`).join('')}`,
  'repository.remove': () => 'the repository is forgotten; its files are where they were\n',
  'rpc.discover': (document) => `${JSON.stringify(document, null, 2)}\n`,
  'status.get': formatStatus,
  'status.watch': formatStatus,
  'worktree.health': formatHealth,
  'worktree.remove': describeRemoval,
};

/** The text for people of what a method answered. */
export async function present(method: string, answer: unknown, view: View): Promise<string> {
  const presenter = Object.hasOwn(presenters, method) ? presenters[method as MethodName] : undefined;
  if (presenter) return (presenter as (answer: unknown, view: View) => string | Promise<string>)(answer, view);
  const [key, rows] = soleEntry(answer);
  const columns = key !== undefined && Object.hasOwn(listColumns, key) ? listColumns[key] : undefined;
  if (!columns || !Array.isArray(rows)) return describeThing(answer);
  return rows.length === 0 ? `no ${key ?? ''}\n` : formatTable(columns, rows as never[], view);
}

function soleEntry(answer: unknown): [string?, unknown?] {
  const entries = typeof answer === 'object' && answer !== null ? Object.entries(answer) : [];
  return entries.length === 1 ? (entries[0] ?? []) : [];
}

/** Any object as aligned lines of key and value, what lies deeper indented. */
export function describeThing(thing: unknown, indent = ''): string {
  if (typeof thing !== 'object' || thing === null) return `${indent}${formatValue(thing)}\n`;
  const entries = Object.entries(thing);
  const width = Math.max(0, ...entries.map(([key]) => key.length));
  return entries
    .map(([key, value]: [string, unknown]) => {
      const isDeep = typeof value === 'object' && value !== null && !Array.isArray(value);
      if (isDeep) return `${indent}${plain(key)}\n${describeThing(value, `${indent}  `)}`;
      return `${indent}${plain(key).padEnd(width)}  ${formatValue(value)}\n`;
    })
    .join('');
}
