import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Rig } from '../rig/rig.ts';
import {
  loginCheckout,
  planMarkdown,
  reportLogin,
  setUpTasks,
  showLogin,
  statusesOfLogin,
  statusFileOf,
  tasksOfLogin,
  untilProgress,
} from '../rig/task-plan.ts';
import { until } from '../rig/until.ts';

describe('how a task is', () => {
  test('is told by what was reported, else by status.json, else by the checkbox', async () => {
    await using rig = await setUpTasks();
    loginCheckout(rig).write(
      'plans/login.md',
      planMarkdown.replace('[ ] 1.1', '[x] 1.1').replace('[ ] 1.2', '[x] 1.2'),
    );
    await untilProgress(rig, { completed: 2, percent: 50, currentPhase: 'Finish' });
    const noted = {
      tasks: [
        { id: '1.2', status: 'failed' },
        { id: '2.1', status: 'completed' },
      ],
    };
    writeFileSync(statusFileOf(rig), JSON.stringify(noted));
    await untilProgress(rig, { completed: 2, failed: 1, currentPhase: 'Begin' });
    const plan = await reportLogin(rig, { 1.2: 'skipped', 2.2: 'in_progress' });
    expect(plan.progress).toMatchObject({ total: 4, completed: 2, skipped: 1, inProgress: 1, percent: 66.7 });
    expect(plan.progress?.currentPhase).toBe('Finish');
    expect(await statusesOfLogin(rig)).toEqual({
      1.1: 'completed (checkbox)',
      1.2: 'skipped (reported)',
      2.1: 'completed (status)',
      2.2: 'in_progress (reported)',
    });
  });

  test('comes with what it depends on and what of that is not done yet', async () => {
    await using rig = await setUpTasks();
    await reportLogin(rig, { 2.1: 'skipped' });
    const { tasks, warnings } = await rig.call('plan.tasks', { plan: 'login', repository: 'shop' });
    expect(tasks.map(({ id, text, phase, depends, blockedBy }) => [id, text, phase, depends, blockedBy])).toEqual([
      ['1.1', 'Write it', 'Begin', [], []],
      ['1.2', 'Test it', 'Begin', ['1.1'], ['1.1']],
      ['2.1', 'Document it', 'Finish', [], []],
      ['2.2', 'Ship it', 'Finish', ['1.2', '2.1'], ['1.2']],
    ]);
    expect(warnings).toEqual([]);
    const wrong = planMarkdown.replace('1.1 Write it', '1.1 Write it (depends: 1.2, 9.9)');
    loginCheckout(rig).write('plans/login.md', wrong);
    const answer = await until(async () => {
      const found = await tasksOfLogin(rig);
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
    await using rig = await setUpTasks({ file: false });
    const plan = await reportLogin(rig, { 1.1: 'completed', 1.2: 'in_progress' });
    expect(plan.progress).toMatchObject({ total: 2, completed: 1, inProgress: 1, currentPhase: null, phases: [] });
    writeFileSync(statusFileOf(rig), '{ "tasks": [ { "id": "3.1", "status": "completed" } ] }');
    await untilProgress(rig, { total: 3, completed: 2 });
  });
});

describe('a report', () => {
  test('of a task that the plan file does not have is refused, and nothing is written', async () => {
    await using rig = await setUpTasks();
    const { events } = await rig.call('event.list', {});
    const tasks = [
      { id: '1.1', status: 'completed' as const },
      { id: '9.9', status: 'completed' as const },
    ];
    const refused = await rig.refusal('plan.progress', { plan: 'login', repository: 'shop', tasks });
    expect(refused).toMatchObject({ code: 'INVALID_PARAMS', issues: [{ path: 'tasks.1.id' }] });
    expect(refused.message).toContain('9.9');
    expect(await statusesOfLogin(rig)).toMatchObject({ 1.1: 'pending (status)' });
    expect((await rig.call('event.list', {})).events).toEqual(events);
  });

  test('of what is no id of a task is refused', async () => {
    await using rig = await setUpTasks({ file: false });
    for (const id of ['1', '1.1.1.1', 'a.b', '1.1 ', '-1.1', `1.${'1'.repeat(40)}`]) {
      const tasks = [{ id, status: 'completed' as const }];
      const refused = await rig.refusal('plan.progress', { plan: 'login', repository: 'shop', tasks });
      expect(refused).toMatchObject({ code: 'INVALID_PARAMS', issues: [{ path: 'tasks.0.id' }] });
    }
  });

  test('is bounded: tasks of a call, tasks of a plan without a plan file, notes', async () => {
    await using rig = await setUpTasks({ file: false });
    const many = (count: number, phase: number) =>
      Array.from({ length: count }, (_, place) => ({ id: `${phase}.${place}`, status: 'pending' as const }));
    const send = (tasks: { id: string; status: 'pending'; note?: string }[]) =>
      rig.refusal('plan.progress', { plan: 'login', repository: 'shop', tasks });
    expect((await send(many(1001, 1))).code).toBe('INVALID_PARAMS');
    expect((await send([])).code).toBe('INVALID_PARAMS');
    expect((await send([{ id: '1.1', status: 'pending', note: 'x'.repeat(4097) }])).code).toBe('INVALID_PARAMS');
    await rig.call('plan.progress', { plan: 'login', repository: 'shop', tasks: many(1000, 1) });
    expect((await send(many(1, 2))).message).toContain('at most 1000');
    expect((await showLogin(rig)).progress?.total).toBe(1000);
  });

  test('is told as an event, and only when it says something new; the last one of a task counts', async () => {
    await using rig = await setUpTasks();
    await reportLogin(rig, { 1.1: 'in_progress' });
    await reportLogin(rig, { 1.1: 'completed', 1.2: 'failed' });
    await reportLogin(rig, { 1.2: 'failed' });
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
    expect((await tasksOfLogin(rig)).tasks[1]).toMatchObject({ note: 'at last', source: 'reported' });
  });

  test('is there after the daemon was killed', async () => {
    await using rig = await setUpTasks();
    await reportLogin(rig, { 1.1: 'completed' });
    await rig.daemon.kill();
    await rig.startDaemon();
    expect((await rig.call('plan.list', {})).plans[0]?.progress).toMatchObject({ completed: 1, total: 4 });
  });

  test('is made in words, by a run without the name of its plan', async () => {
    await using rig = await Rig.setUp();
    rig.repository.commit({ 'plans/login.md': planMarkdown });
    const { child } = await rig.startSteered('login', { file: join(rig.repository.path, 'plans/login.md') });
    const words = ['1.1=completed', '1.2=in_progress'];
    const shown = await rig.wtd('plan', 'progress', 'login', ...words, '--note', 'well done');
    expect([shown.exitCode, shown.stdout]).toEqual([0, 'login [##--------] 1/4 25%, 1 in progress, now: Begin\n']);
    expect((await tasksOfLogin(rig)).tasks[0]).toMatchObject({ status: 'completed', note: 'well done' });
    const env = { WTD_PLAN: 'login', WTD_REPOSITORY: 'shop' };
    const own = rig.spawnWtd(['plan', 'progress', '2.1=completed', '--json'], { cwd: rig.place.directory, env });
    expect((await own.finished()).json()).toMatchObject({ name: 'login', progress: { completed: 2 } });
    const noTask = await rig.wtd('plan', 'progress', 'login');
    expect([noTask.exitCode, noTask.stderr]).toEqual([2, expect.stringContaining('<id>=<status>')]);
    expect((await rig.wtd('plan', 'progress', 'login', '1.1')).exitCode).toBe(2);
    expect((await rig.wtd('plan', 'progress', 'login', '1.1=done')).exitCode).toBe(2);
    expect((await rig.wtd('plan', 'progress', 'login', '1.1=completed=2.2')).exitCode).toBe(2);
    await child.exit(0);
    await rig.wait('login');
  });
});
