import type { SweepEntry } from '../contract/cleanup.ts';
import type { ConflictPair } from '../contract/conflict.ts';
import type { Result } from '../contract/index.ts';
import type { Event, Plan, Repository, Run, Snapshot, Task, Worktree } from '../contract/models.ts';
import {
  formatBar,
  formatCommand,
  formatCounts,
  formatMegabytes,
  formatPath,
  formatPercent,
  formatPorts,
  formatSince,
  formatValue,
  paint,
  plain,
  type View,
} from './format.ts';

/** A column of a table for people: its title and what stands in it. */
export type Column<Row> = readonly [title: string, cell: (row: Row, view: View) => string];

export const planColumns: readonly Column<Plan>[] = [
  ['STATE', (plan, view) => paint(describeState(plan), plan.state, view)],
  ['PLAN', ({ name }) => name],
  ['BRANCH', ({ branch }) => formatValue(branch)],
  ['PORTS', ({ ports }) => formatPorts(ports)],
  ['PROGRESS', formatProgress],
  ['PHASE', ({ progress }) => shorten(formatValue(progress?.currentPhase))],
  ['CPU', ({ run }) => formatPercent(run?.usage?.cpuPercent ?? null)],
  ['MEM', ({ run }) => formatMegabytes(run?.usage?.memoryMb ?? null)],
  ['SINCE', (plan, view) => formatSince(sinceWhen(plan), view)],
  ['WORKTREE', ({ worktree }, view) => formatPath(worktree?.path ?? null, view)],
];

export const repositoryColumn: Column<{ repository: string | null }> = [
  'REPOSITORY',
  ({ repository }) => formatValue(repository),
];

const runColumns: readonly Column<Run>[] = [
  ['STATE', (run, view) => paint(run.state, run.state, view)],
  repositoryColumn,
  ['PLAN', ({ plan }) => plan],
  ['ATTEMPT', ({ attempt }) => String(attempt)],
  ['EXIT', ({ exitCode, signal }) => signal ?? formatValue(exitCode)],
  ['PID', ({ pid }) => formatValue(pid)],
  ['SINCE', (run, view) => formatSince(run.endedAt ?? run.startedAt ?? run.queuedAt, view)],
  ['RUN', ({ id }) => id],
  ['COMMAND', ({ command }) => shorten(formatCommand(command))],
];

const repositoryColumns: readonly Column<Repository>[] = [
  ['NAME', ({ name }) => name],
  ['BRANCH', ({ defaultBranch }) => formatValue(defaultBranch)],
  ['PATH', ({ path }, view) => formatPath(path, view)],
  ['DESCRIPTION', ({ description }) => formatValue(description)],
];

const eventColumns: readonly Column<Event>[] = [
  ['SEQ', ({ seq }) => String(seq)],
  ['AT', ({ at }) => at],
  ['EVENT', ({ type }) => type],
  repositoryColumn,
  ['PLAN', ({ plan }) => formatValue(plan)],
  ['DATA', ({ data }) => formatValue(data)],
];

const snapshotColumns: readonly Column<Snapshot>[] = [
  ['SNAPSHOT', ({ id }) => id],
  repositoryColumn,
  ['WORKTREE', ({ name }) => name],
  ['BRANCH', ({ branch }) => formatValue(branch)],
  ['SINCE', ({ createdAt }, view) => formatSince(createdAt, view)],
  ['REASON', ({ reason }) => shorten(formatValue(reason))],
];

type ShownRange = Result<'port.list'>['ranges'][number];

const rangeColumns: readonly Column<ShownRange>[] = [
  ['PORTS', (range) => formatPorts(range)],
  repositoryColumn,
  ['PLAN', ({ plan }) => formatValue(plan)],
  ['WORKTREE', ({ path }, view) => formatPath(path, view)],
  ['LISTENING', ({ listening }) => shorten(listening.map(describeListener).join(', ') || '-')],
];

const describeListener = ({ port, pid, command }: ShownRange['listening'][number]): string =>
  `${port} ${pid === null ? 'somebody' : `${plain(command ?? '')} (${pid})`}`;

export const sweepColumns: readonly Column<SweepEntry>[] = [
  ['REASON', ({ reason }) => reason],
  repositoryColumn,
  ['WORKTREE', ({ path }, view) => formatPath(path, view)],
  ['BRANCH', ({ branch }) => formatValue(branch)],
  ['SIZE', ({ diskMb }) => formatMegabytes(diskMb)],
  ['WHY', ({ detail }) => plain(detail)],
];

export const conflictColumns: readonly Column<ConflictPair>[] = [
  ['SEVERITY', ({ severity }, view) => paint(severity ?? '-', severity ?? '', view)],
  ['BRANCH', ({ a }) => plain(a)],
  ['WITH', ({ b }) => plain(b)],
  ['CONFLICTS IN', ({ files }) => nameSome(files.map(({ path, kind }) => `${path} (${kind})`))],
  ['MERGES CLEANLY', ({ shared }) => nameSome(shared)],
];

const mostNamed = 3;

function nameSome(names: readonly string[]): string {
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
  return names.length === 0 ? '-' : plain(names.slice(0, mostNamed).join(', ')) + more;
}

const worktreeColumns: readonly Column<Worktree>[] = [
  ['STATE', ({ state, owned }, view) => paint(owned ? state : "not wtd's", state, view)],
  repositoryColumn,
  ['WORKTREE', ({ name }) => name],
  ['BRANCH', ({ branch }) => formatValue(branch)],
  ['IS', ({ conditions, declared }) => formatValue([...conditions, ...(declared === 'active' ? [] : [declared])])],
  ['FOR', ({ plan, lease, task }) => shorten(formatValue(plan ?? lease?.holder ?? task))],
  ['PORTS', ({ ports }) => formatPorts(ports)],
  ['PR', ({ pr }) => (pr === null ? '-' : `#${pr.number}`)],
  ['DISK', ({ diskMb }) => formatMegabytes(diskMb)],
  ['USED', ({ lastUsedAt }, view) => formatSince(lastUsedAt, view)],
  ['PATH', ({ path }, view) => formatPath(path, view)],
];

export const taskColumns: readonly Column<Task>[] = [
  ['STATUS', ({ status }, view) => paint(status.replace('_', ' '), status, view)],
  ['TASK', ({ id }) => id],
  ['PHASE', ({ phase }) => shorten(formatValue(phase))],
  ['TEXT', ({ text }) => shorten(formatValue(text))],
  ['AFTER', ({ depends }) => shorten(formatValue(depends))],
  ['WAITS FOR', ({ blockedBy }) => shorten(formatValue(blockedBy))],
  ['NOTE', ({ note }) => shorten(formatValue(note))],
];

const failureColumns: readonly Column<Result<'worktree.create'>['failed'][number]>[] = [
  ['NOT MADE', ({ branch }) => shorten(formatValue(branch))],
  ['WHY', ({ error }) => formatValue(error.message)],
  ['WHAT TO DO', ({ error }) => formatValue(error.hint)],
];

/** How each kind of list is shown, by the key that its method answers it under. */
export const listColumns: Readonly<Record<string, readonly Column<never>[]>> = {
  plans: [repositoryColumn, ...planColumns],
  runs: runColumns,
  repositories: repositoryColumns,
  events: eventColumns,
  snapshots: snapshotColumns,
  ranges: rangeColumns,
  worktrees: worktreeColumns,
  failed: failureColumns,
};

/** The rows of a table as text, without its titles. */
export const cellsOf = <Row>(columns: readonly Column<Row>[], rows: readonly Row[], view: View): string[][] =>
  rows.map((row) => columns.map(([, cell]) => cell(row, view)));

/** Loaded late: most answers need no table. */
export async function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  view: View,
): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const none = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'];
  const inner = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'];
  const drawn = new Table({
    head: columns.map(([title]) => title),
    chars: Object.fromEntries([...none, ...inner].map((place) => [place, ''])),
    style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [], compact: true },
  });
  drawn.push(...cellsOf(columns, rows, view));
  return `${drawn.toString().replaceAll(/ +$/gm, '')}\n`;
}

const widthForBars = 120;

function formatProgress({ progress }: Plan, { width = Infinity }: View): string {
  if (progress === null) return '-';
  return width < widthForBars ? formatCounts(progress) : `${formatBar(progress.percent)} ${formatCounts(progress)}`;
}

function describeState({ state, run }: Plan): string {
  if (state === 'queued' && typeof run?.queuePosition === 'number') return `queued #${run.queuePosition}`;
  return state;
}

/** Since when the plan is in its state, as far as its run tells. */
function sinceWhen({ run, lastActivityAt }: Plan): string {
  return run?.endedAt ?? run?.startedAt ?? run?.queuedAt ?? lastActivityAt;
}

const longestCell = 60;

function shorten(text: string): string {
  return text.length > longestCell ? `${text.slice(0, longestCell - 1)}…` : text;
}
