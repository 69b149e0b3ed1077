import { expect, test } from 'vitest';
import { cellsOf } from '../../src/cli/columns.ts';
import { formatStatus, inOrder, statusColumns, summarize } from '../../src/cli/status-view.ts';
import { endedRun, picture, plan, run } from './rig.ts';

const view = { cwd: '/home/dev/shop', nowMs: Date.parse('2026-01-01T00:05:00Z'), hasColour: false };

const progress = {
  total: 10,
  completed: 3,
  inProgress: 1,
  failed: 0,
  skipped: 0,
  percent: 30,
  currentPhase: null,
  phases: [],
};

test('a row tells all about a plan', () => {
  const plans = [plan({ progress })];
  expect(
    statusColumns(plans)
      .map(([title]) => title)
      .join(' '),
  ).toBe('STATE PLAN BRANCH PORTS PROGRESS CPU MEM SINCE WORKTREE');
  expect(cellsOf(statusColumns(plans), plans, view)).toEqual([
    [
      'running',
      'login',
      'plan/login',
      '8100-8109',
      '[###-------] 3/10 30%',
      '12%',
      '85 MB',
      '5m',
      'worktrees/plan-login',
    ],
  ]);
});

test('the phase is told where there is one', () => {
  const plans = [plan({ progress: { ...progress, currentPhase: 'Later on' } }), plan({ name: 'b' })];
  const titles = statusColumns(plans).map(([title]) => title);
  expect(titles.slice(3, 6)).toEqual(['PORTS', 'PROGRESS', 'PHASE']);
  expect(cellsOf(statusColumns(plans), plans, view).map((row) => row[5])).toEqual(['Later on', '-']);
});

test('the total of all tasks follows the summary', async () => {
  const { aggregate } = picture([]);
  const tasks = { total: 40, completed: 12, inProgress: 2, failed: 1, skipped: 0 };
  const text = await formatStatus(
    picture([plan({ progress })], { aggregate: { ...aggregate, tasks, percent: 30 } }),
    view,
  );
  expect(text).toContain('\n[###-------] 12/40 30%, 2 in progress, 1 failed of all tasks\n');
  expect(await formatStatus(picture([plan()]), view)).not.toContain('of all tasks');
});

test('a narrow terminal does without the bar, then without columns; in colour as well', async () => {
  const plans = [plan({ progress: { ...progress, currentPhase: 'Later on' } })];
  const linesAt = async (width: number, hasColour = false) =>
    (await formatStatus(picture(plans), { ...view, width, hasColour })).split('\n').slice(0, 2);
  expect((await linesAt(119))[0]).toBe(
    'STATE    PLAN   BRANCH      PORTS      PROGRESS  PHASE     CPU  MEM    SINCE  WORKTREE',
  );
  expect((await linesAt(200))[1]).toContain('[###-------] 3/10 30%');
  for (const width of [80, 60, 40, 30]) {
    const lines = await linesAt(width);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(width);
    expect(lines[1]).toContain('running  login');
    expect(lines[1]).toContain('3/10 30%');
    expect((await linesAt(width, true))[0]).toBe(lines[0]);
  }
});

test('what is not known is a dash', () => {
  const plans = [plan({ state: 'idle', worktree: null, ports: null, run: null, lastActivityAt: 'never' })];
  expect(cellsOf(statusColumns(plans), plans, view)).toEqual([
    ['idle', 'login', 'plan/login', '-', '-', '-', '-', '-', '-'],
  ]);
});

test('a queued plan tells its place, an ended one since when', () => {
  const plans = [
    plan({ state: 'queued', run: run({ state: 'queued', queuePosition: 2, startedAt: null, usage: null }) }),
    plan({ state: 'failed', run: endedRun({ state: 'failed', exitCode: 3, usage: null }) }),
  ];
  const cells = cellsOf(statusColumns(plans), plans, view);
  expect(cells.map((row) => [row[0], row[7]])).toEqual([
    ['queued #2', '5m'],
    ['failed', '4m'],
  ]);
});

test('what is active comes first, the queue in its order, and the rest as it was given', () => {
  const queued = (name: string, queuePosition: number) =>
    plan({ name, state: 'queued', run: run({ state: 'queued', queuePosition }) });
  const plans = [
    plan({ name: 'idle', state: 'idle', run: null }),
    queued('third', 3),
    plan({ name: 'failed', state: 'failed' }),
    plan({ name: 'paused', state: 'paused' }),
    queued('first', 1),
    plan({ name: 'starting', state: 'starting' }),
    plan({ name: 'running', state: 'running' }),
    plan({ name: 'also idle', state: 'idle', run: null }),
  ];
  expect(inOrder(plans).map(({ name }) => name)).toEqual(
    ['running', 'starting', 'paused', 'first', 'third', 'idle', 'failed', 'also idle'], //
  );
});

test('the repository is shown only where there are several', () => {
  const titles = (repositories: readonly string[]) =>
    statusColumns(repositories.map((repository) => plan({ repository })))[0]?.[0];
  expect(titles(['shop', 'shop'])).toBe('STATE');
  expect(titles(['shop', 'site'])).toBe('REPOSITORY');
});

test('the summary counts plans, runs and space', () => {
  const plans = [plan(), plan({ name: 'b' }), plan({ name: 'c' })];
  expect(summarize(picture(plans))).toBe('3 plans, 2 running, 1 queued (limit 3), disk 80 GB free');
  const { machine } = picture([]);
  const low = picture([plan()], { machine: { ...machine, disk: { ...machine.disk, freeMb: 700, state: 'low' } } });
  expect(summarize(low)).toBe('1 plan, 2 running, 1 queued (limit 3), disk 700 MB free (low)');
  const blind = picture([], { machine: { ...machine, disk: { ...machine.disk, freeMb: null, state: null } } });
  expect(summarize(blind)).toBe('0 plans, 2 running, 1 queued (limit 3), disk unknown');
});

test('the whole text has a table, a summary and each warning once, and never the word null', async () => {
  const warned = picture([plan({ warnings: ['its worktree is missing'] })], {
    warnings: ['login: its worktree is missing', 'disk space is low'],
  });
  expect(await formatStatus(warned, view)).toBe(
    [
      'STATE    PLAN   BRANCH      PORTS      PROGRESS  CPU  MEM    SINCE  WORKTREE',
      'running  login  plan/login  8100-8109  -         12%  85 MB  5m     worktrees/plan-login',
      '',
      '1 plan, 2 running, 1 queued (limit 3), disk 80 GB free',
      'warning: login: its worktree is missing',
      'warning: disk space is low',
      '',
    ].join('\n'),
  );
  const nothing = await formatStatus(picture([plan({ run: null, worktree: null, ports: null, base: null })]), view);
  expect(nothing).not.toContain('null');
});

test('without plans it says how to start one', async () => {
  expect(await formatStatus(picture([]), view)).toContain('start one with: wtd start <plan> -- <command>');
});

test('states have colours only where they are wanted', async () => {
  expect(await formatStatus(picture([plan()]), { ...view, hasColour: true })).toContain('\u001b[32mrunning\u001b[0m');
});

test('control characters cannot leave their cell', async () => {
  const text = await formatStatus(picture([plan({ branch: 'a\u001b[2J\nb' })]), view);
  expect(text).not.toContain('\u001b');
  expect(text.split('\n')[1]).toContain('a [2J b');
});
