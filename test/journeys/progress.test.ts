import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../../src/contract/models.ts';
import { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const markdown = `# Login

## Phase 1: Begin
- [ ] 1.1 Write it
- [ ] 1.2 Test it (depends: 1.1)

## Phase 2: Finish
- [ ] 2.1 Document it
- [ ] 2.2 Ship it (depends: 1.2, 2.1)
`;

const checkoutOf = (rig: Rig): Checkout =>
  new Checkout(join(rig.repository.path, 'worktrees', 'plan-login'), rig.place.env);
const statusFileOf = (rig: Rig): string => join(checkoutOf(rig).path, '.claude-context', 'status.json');
const show = (rig: Rig): Promise<Plan> => rig.call('plan.show', { plan: 'login', repository: 'shop' });
const tasksOf = (rig: Rig) => rig.call('plan.tasks', { plan: 'login', repository: 'shop' });
const statusesOf = async (rig: Rig): Promise<Record<string, string>> => {
  const { tasks } = await tasksOf(rig);
  return Object.fromEntries(tasks.map(({ id, status, source }) => [id, `${status} (${source})`]));
};

/** A plan with a plan file, whose run has ended. */
async function setUp(text: string | null = markdown, options: Parameters<typeof Rig.setUp>[0] = {}): Promise<Rig> {
  const rig = await Rig.setUp(options);
  if (text !== null) rig.repository.commit({ 'plans/login.md': text });
  const file = join(rig.repository.path, 'plans/login.md');
  await rig.start('login', ['true'], text === null ? {} : { file });
  await rig.wait('login');
  return rig;
}

const report = (rig: Rig, statuses: Record<string, 'pending' | 'in_progress' | 'completed' | 'failed' | 'skipped'>) =>
  rig.call('plan.progress', {
    plan: 'login',
    repository: 'shop',
    tasks: Object.entries(statuses).map(([id, status]) => ({ id, status })),
  });

const untilProgress = (rig: Rig, wanted: Partial<NonNullable<Plan['progress']>>): Promise<Plan> =>
  until(
    async () => {
      const plan = await show(rig);
      const isSo = Object.entries(wanted).every(([key, value]) => plan.progress?.[key as 'total'] === value);
      return isSo && plan;
    },
    `the progress is ${JSON.stringify(wanted)}`,
  );

describe('in the worktree of a plan', () => {
  test('its context is found, and git sees nothing of it', async () => {
    await using rig = await setUp();
    const context = join(checkoutOf(rig).path, '.claude-context');
    expect(readFileSync(join(context, 'current-plan.txt'), 'utf8')).toBe('plans/login.md\n');
    expect(JSON.parse(readFileSync(statusFileOf(rig), 'utf8'))).toEqual({
      tasks: ['1.1', '1.2', '2.1', '2.2'].map((id) => ({ id, status: 'pending' })),
    });
    expect(checkoutOf(rig).git('status', '--porcelain', '--untracked-files=all')).toBe('');
  });

  test('without a plan file there are no tasks and no current plan', async () => {
    await using rig = await setUp(null);
    expect(JSON.parse(readFileSync(statusFileOf(rig), 'utf8'))).toEqual({ tasks: [] });
    expect(existsSync(join(checkoutOf(rig).path, '.claude-context', 'current-plan.txt'))).toBe(false);
    expect((await show(rig)).progress).toBeNull();
  });

  test('what a run noted stays when the plan is started again', async () => {
    await using rig = await setUp();
    const noted = '{ "tasks": [ { "id": "1.1", "status": "failed", "note": "too hard" } ] }';
    writeFileSync(statusFileOf(rig), noted);
    await rig.start('login', ['true']);
    await rig.wait('login');
    expect(readFileSync(statusFileOf(rig), 'utf8')).toBe(noted);
    expect((await tasksOf(rig)).tasks[0]).toMatchObject({ status: 'failed', source: 'status', note: 'too hard' });
  });

  test('a link of its name is left as it is, and leads no writing elsewhere', async () => {
    await using rig = await Rig.setUp();
    const victim = join(rig.place.directory, 'victim');
    mkdirSync(join(rig.repository.path, '.claude-context'));
    symlinkSync(victim, join(rig.repository.path, '.claude-context', 'status.json'));
    rig.repository.git('add', '--force', '.claude-context/status.json');
    rig.repository.git('commit', '--quiet', '--message', 'A link');
    await rig.start('login', ['true']);
    await rig.wait('login');
    expect(existsSync(victim)).toBe(false);
    expect(checkoutOf(rig).git('status', '--porcelain')).toBe('');
  });
});

describe('how a task is', () => {
  test('is told by what was reported, else by status.json, else by the checkbox', async () => {
    await using rig = await setUp();
    checkoutOf(rig).write('plans/login.md', markdown.replace('[ ] 1.1', '[x] 1.1').replace('[ ] 1.2', '[x] 1.2'));
    await untilProgress(rig, { completed: 2, percent: 50, currentPhase: 'Finish' });
    const noted = {
      tasks: [
        { id: '1.2', status: 'failed' },
        { id: '2.1', status: 'completed' },
      ],
    };
    writeFileSync(statusFileOf(rig), JSON.stringify(noted));
    await untilProgress(rig, { completed: 2, failed: 1, currentPhase: 'Begin' });
    const plan = await report(rig, { 1.2: 'skipped', 2.2: 'in_progress' });
    expect(plan.progress).toMatchObject({ total: 4, completed: 2, skipped: 1, inProgress: 1, percent: 66.7 });
    expect(plan.progress?.currentPhase).toBe('Finish');
    expect(await statusesOf(rig)).toEqual({
      1.1: 'completed (checkbox)',
      1.2: 'skipped (reported)',
      2.1: 'completed (status)',
      2.2: 'in_progress (reported)',
    });
  });

  test('comes with what it depends on and what of that is not done yet', async () => {
    await using rig = await setUp();
    await report(rig, { 2.1: 'skipped' });
    const { tasks, warnings } = await tasksOf(rig);
    expect(tasks.map(({ id, text, phase, depends, blockedBy }) => [id, text, phase, depends, blockedBy])).toEqual([
      ['1.1', 'Write it', 'Begin', [], []],
      ['1.2', 'Test it', 'Begin', ['1.1'], ['1.1']],
      ['2.1', 'Document it', 'Finish', [], []],
      ['2.2', 'Ship it', 'Finish', ['1.2', '2.1'], ['1.2']],
    ]);
    expect(warnings).toEqual([]);
    const wrong = markdown.replace('1.1 Write it', '1.1 Write it (depends: 1.2, 9.9)');
    checkoutOf(rig).write('plans/login.md', wrong);
    const answer = await until(async () => {
      const found = await tasksOf(rig);
      return found.warnings.length > 0 && found;
    }, 'the change is seen');
    expect(answer.warnings).toEqual([
      'task 1.1 depends on 9.9, which is no task of this plan',
      'tasks 1.1, 1.2 depend on each other in a circle',
    ]);
    expect(answer.tasks[0]).toMatchObject({ depends: ['1.2', '9.9'], blockedBy: ['1.2', '9.9'] });
    const shown = await rig.wtd('plan', 'tasks', 'login');
    expect(shown.stdout).toMatch(/^skipped +2\.1 +Finish +Document it/m);
    expect(shown.stdout).toContain('warning: tasks 1.1, 1.2 depend on each other in a circle');
  });

  test('is what was reported where there is no plan file', async () => {
    await using rig = await setUp(null);
    const plan = await report(rig, { 1.1: 'completed', 1.2: 'in_progress' });
    expect(plan.progress).toMatchObject({ total: 2, completed: 1, inProgress: 1, currentPhase: null, phases: [] });
    writeFileSync(statusFileOf(rig), '{ "tasks": [ { "id": "3.1", "status": "completed" } ] }');
    await untilProgress(rig, { total: 3, completed: 2 });
  });
});

describe('a report', () => {
  test('of a task that the plan file does not have is refused, and nothing is written', async () => {
    await using rig = await setUp();
    const { events } = await rig.call('event.list', {});
    const tasks = [
      { id: '1.1', status: 'completed' as const },
      { id: '9.9', status: 'completed' as const },
    ];
    const refused = await rig.refusal('plan.progress', { plan: 'login', repository: 'shop', tasks });
    expect(refused).toMatchObject({ code: 'INVALID_PARAMS', issues: [{ path: 'tasks.1.id' }] });
    expect(refused.message).toContain('9.9');
    expect(await statusesOf(rig)).toMatchObject({ 1.1: 'pending (status)' });
    expect((await rig.call('event.list', {})).events).toEqual(events);
  });

  test('of what is no id of a task is refused', async () => {
    await using rig = await setUp(null);
    for (const id of ['1', '1.1.1.1', 'a.b', '1.1 ', '-1.1', `1.${'1'.repeat(40)}`]) {
      const tasks = [{ id, status: 'completed' as const }];
      const refused = await rig.refusal('plan.progress', { plan: 'login', repository: 'shop', tasks });
      expect(refused).toMatchObject({ code: 'INVALID_PARAMS', issues: [{ path: 'tasks.0.id' }] });
    }
  });

  test('is bounded: tasks of a call, tasks of a plan without a plan file, notes', async () => {
    await using rig = await setUp(null);
    const many = (count: number, phase: number) =>
      Array.from({ length: count }, (_, place) => ({ id: `${phase}.${place}`, status: 'pending' as const }));
    const send = (tasks: { id: string; status: 'pending'; note?: string }[]) =>
      rig.refusal('plan.progress', { plan: 'login', repository: 'shop', tasks });
    expect((await send(many(1001, 1))).code).toBe('INVALID_PARAMS');
    expect((await send([])).code).toBe('INVALID_PARAMS');
    expect((await send([{ id: '1.1', status: 'pending', note: 'x'.repeat(4097) }])).code).toBe('INVALID_PARAMS');
    await rig.call('plan.progress', { plan: 'login', repository: 'shop', tasks: many(1000, 1) });
    expect((await send(many(1, 2))).message).toContain('at most 1000');
    expect((await show(rig)).progress?.total).toBe(1000);
  });

  test('is told as an event, and only when it says something new; the last one of a task counts', async () => {
    await using rig = await setUp();
    await report(rig, { 1.1: 'in_progress' });
    await report(rig, { 1.1: 'completed', 1.2: 'failed' });
    await report(rig, { 1.2: 'failed' });
    const tasks = [
      { id: '1.2', status: 'failed' as const },
      { id: '1.2', status: 'completed' as const, note: 'at last' },
    ];
    await rig.call('plan.progress', { plan: 'login', repository: 'shop', tasks });
    const { events } = await rig.call('event.list', { types: ['plan.progress'] });
    expect(events.map(({ repository, plan, data }) => [repository, plan, data])).toEqual([
      ['shop', 'login', { tasks: [{ id: '1.1', status: 'in_progress' }], completed: 0, total: 4 }],
      [
        'shop',
        'login',
        {
          tasks: [
            { id: '1.1', status: 'completed' },
            { id: '1.2', status: 'failed' },
          ],
          completed: 1,
          total: 4,
        },
      ],
      ['shop', 'login', { tasks: [{ id: '1.2', status: 'completed' }], completed: 2, total: 4 }],
    ]);
    expect((await tasksOf(rig)).tasks[1]).toMatchObject({ note: 'at last', source: 'reported' });
  });

  test('is there after the daemon was killed', async () => {
    await using rig = await setUp();
    await report(rig, { 1.1: 'completed' });
    await rig.daemon.kill();
    await rig.startDaemon();
    expect((await rig.call('plan.list', {})).plans[0]?.progress).toMatchObject({ completed: 1, total: 4 });
  });

  test('is made in words, by a run without the name of its plan', async () => {
    await using rig = await Rig.setUp();
    rig.repository.commit({ 'plans/login.md': markdown });
    const { child } = await rig.startSteered('login', { file: join(rig.repository.path, 'plans/login.md') });
    const words = ['1.1=completed', '1.2=in_progress'];
    const shown = await rig.wtd('plan', 'progress', 'login', ...words, '--note', 'well done');
    expect([shown.exitCode, shown.stdout]).toEqual([0, 'login [##--------] 1/4 25%, 1 in progress, now: Begin\n']);
    expect((await tasksOf(rig)).tasks[0]).toMatchObject({ status: 'completed', note: 'well done' });
    const env = { WTD_PLAN: 'login', WTD_REPOSITORY: 'shop' };
    const own = rig.spawnWtd(['plan', 'progress', '2.1=completed', '--json'], { cwd: rig.place.directory, env });
    expect((await own.finished()).json()).toMatchObject({ name: 'login', progress: { completed: 2 } });
    const noTask = await rig.wtd('plan', 'progress', 'login');
    expect([noTask.exitCode, noTask.stderr]).toEqual([2, expect.stringContaining('<id>=<status>')]);
    expect((await rig.wtd('plan', 'progress', 'login', '1.1')).exitCode).toBe(2);
    expect((await rig.wtd('plan', 'progress', 'login', '1.1=done')).exitCode).toBe(2);
    await child.exit(0);
    await rig.wait('login');
  });
});

describe('a status.json that does not count', () => {
  const wrong: [what: string, spoil: (file: string, rig: Rig) => void, warning: string][] = [
    [
      'is broken',
      (file) => {
        writeFileSync(file, '{ "tasks": [');
      },
      'it is not JSON',
    ],
    [
      'is huge',
      (file) => {
        writeFileSync(file, ' '.repeat(1_000_001));
      },
      'at most 1000000 are read',
    ],
    [
      'says something else',
      (file) => {
        writeFileSync(file, '{ "plan": "login" }');
      },
      'it is not JSON of the form',
    ],
    [
      'is a directory',
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
      'it is no file',
    ],
    [
      'is a link that leads elsewhere',
      (file, rig) => {
        const elsewhere = join(rig.place.directory, 'status.json');
        writeFileSync(elsewhere, '{ "tasks": [ { "id": "1.1", "status": "completed" } ] }');
        rmSync(file);
        symlinkSync(elsewhere, file);
      },
      'it is a link that leads out of it',
    ],
  ];
  test.each(wrong)('because it %s is told with its name', async (_, spoil, warning) => {
    await using rig = await setUp();
    const file = statusFileOf(rig);
    spoil(file, rig);
    const plan = await until(async () => {
      const found = await show(rig);
      return found.warnings.length > 0 && found;
    }, 'there is a warning');
    expect(plan.warnings).toEqual([expect.stringContaining(file)]);
    expect(plan.warnings[0]).toContain(warning);
    expect(plan.progress).toMatchObject({ total: 4, completed: 0 });
    expect((await rig.wtd('status')).stdout).toContain(warning);
    rmSync(file, { recursive: true });
    await until(async () => (await show(rig)).warnings.length === 0, 'the warning goes with the file');
  });
});

describe('when the worktree goes', () => {
  test('its progress stays, also what nobody had looked at, and its context goes with it', async () => {
    await using rig = await setUp();
    const worktree = checkoutOf(rig);
    worktree.commit({ 'plans/login.md': markdown.replace('[ ] 1.1', '[x] 1.1') });
    writeFileSync(statusFileOf(rig), '{ "tasks": [ { "id": "2.1", "status": "skipped", "note": "no need" } ] }');
    await rig.call('worktree.remove', { worktree: worktree.path });
    expect(existsSync(worktree.path)).toBe(false);
    const kept = { total: 4, completed: 1, skipped: 1, percent: 33.3, currentPhase: 'Begin' };
    expect((await show(rig)).progress).toMatchObject(kept);
    rig.repository.commit({ 'plans/login.md': '- [ ] 5.5 Another plan\n' });
    await rig.daemon.kill();
    await rig.startDaemon();
    expect((await show(rig)).progress).toMatchObject(kept);
    rmSync(join(rig.repository.path, 'plans'), { recursive: true });
    expect((await show(rig)).progress).toMatchObject(kept);
    expect(await statusesOf(rig)).toMatchObject({ 1.1: 'completed (status)', 2.1: 'skipped (status)' });
  });

  test('what is known is noted in the next one', async () => {
    await using rig = await setUp();
    await report(rig, { 1.2: 'failed' });
    writeFileSync(statusFileOf(rig), '{ "tasks": [ { "id": "2.1", "status": "skipped", "note": "no need" } ] }');
    await rig.call('worktree.remove', { worktree: checkoutOf(rig).path });
    await rig.start('login', ['true']);
    await rig.wait('login');
    expect(JSON.parse(readFileSync(statusFileOf(rig), 'utf8'))).toEqual({
      tasks: [
        { id: '1.1', status: 'pending' },
        { id: '1.2', status: 'failed' },
        { id: '2.1', status: 'skipped', note: 'no need' },
        { id: '2.2', status: 'pending' },
      ],
    });
  });

  test('because somebody deleted it, what was known stays', async () => {
    await using rig = await setUp();
    checkoutOf(rig).write('plans/login.md', markdown.replace('[ ] 1.1', '[x] 1.1'));
    await untilProgress(rig, { completed: 1 });
    rmSync(checkoutOf(rig).path, { recursive: true });
    await until(async () => (await show(rig)).warnings.length > 0, 'it is missed');
    expect((await show(rig)).progress).toMatchObject({ total: 4, completed: 1 });
  });
});
