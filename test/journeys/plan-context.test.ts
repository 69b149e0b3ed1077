import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

describe('in the worktree of a plan', () => {
  test('its context is found, and git sees nothing of it', async () => {
    await using rig = await setUpTasks();
    const context = join(loginCheckout(rig).path, '.claude-context');
    expect(readFileSync(join(context, 'current-plan.txt'), 'utf8')).toBe('plans/login.md\n');
    expect(JSON.parse(readFileSync(statusFileOf(rig), 'utf8'))).toEqual({
      tasks: ['1.1', '1.2', '2.1', '2.2'].map((id) => ({ id, status: 'pending' })),
    });
    expect(loginCheckout(rig).git('status', '--porcelain', '--untracked-files=all')).toBe('');
  });

  test('without a plan file there are no tasks and no current plan', async () => {
    await using rig = await setUpTasks({ file: false });
    expect(JSON.parse(readFileSync(statusFileOf(rig), 'utf8'))).toEqual({ tasks: [] });
    expect(existsSync(join(loginCheckout(rig).path, '.claude-context', 'current-plan.txt'))).toBe(false);
    expect((await showLogin(rig)).progress).toBeNull();
  });

  test('what a run noted stays when the plan is started again', async () => {
    await using rig = await setUpTasks();
    const noted = '{ "tasks": [ { "id": "1.1", "status": "failed", "note": "too hard" } ] }';
    writeFileSync(statusFileOf(rig), noted);
    await rig.start('login', ['true']);
    await rig.wait('login');
    expect(readFileSync(statusFileOf(rig), 'utf8')).toBe(noted);
    expect((await tasksOfLogin(rig)).tasks[0]).toMatchObject({ status: 'failed', source: 'status', note: 'too hard' });
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
    expect(loginCheckout(rig).git('status', '--porcelain')).toBe('');
  });
});

test('what the repository says of ignored files brings nothing of the context into a commit', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ 'plans/login.md': planMarkdown, '.gitignore': '*\n!*/\n!*.md\n!*.json\n!.gitignore\n' });
  const file = join(rig.repository.path, 'plans/login.md');
  await rig.start('login', ['sh', '-c', 'echo > a.md && git add . && git commit --quiet -m "Work"'], { file });
  await rig.wait('login');
  expect(loginCheckout(rig).git('show', '--name-only', '--format=').trim()).toBe('a.md');
  expect(loginCheckout(rig).git('status', '--porcelain', '--untracked-files=all')).toBe('');
});

test('a context that is in the history belongs to another plan, and nothing is left of the start', async () => {
  await using rig = await Rig.setUp();
  const noted = '{ "tasks": [ { "id": "1.1", "status": "completed" } ] }';
  rig.repository.commit({ 'plans/login.md': planMarkdown, '.claude-context/status.json': noted });
  const file = join(rig.repository.path, 'plans/login.md');
  await expect(rig.start('login', ['true'], { file })).rejects.toThrow(/status\.json is tracked by git/);
  expect(existsSync(loginCheckout(rig).path)).toBe(false);
  expect(rig.repository.git('branch', '--list', 'plan/*')).toBe('');
});

test('a plan file that is nowhere any more, or has too many tasks, is a warning, and what was known stays', async () => {
  await using rig = await setUpTasks();
  const many = Array.from({ length: 3000 }, (_, index) => `- [x] 1.${index} Work`).join('\n');
  loginCheckout(rig).write('plans/login.md', many);
  const warned = await until(async () => (await showLogin(rig)).warnings[0], 'it is not read');
  expect(warned).toMatch(/plans\/login\.md is not read: it has 3000 phases and tasks, and a plan file at most 2000$/);
  expect((await rig.wtd('status')).stdout.match(/is not read/g), 'it is said once').toHaveLength(1);
  rmSync(join(loginCheckout(rig).path, 'plans/login.md'));
  rmSync(join(rig.repository.path, 'plans/login.md'));
  await until(async () => (await showLogin(rig)).warnings[0]?.endsWith('nor in the checkout'), 'it is missed');
  expect((await showLogin(rig)).progress).toMatchObject({ total: 4, completed: 0 });
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
    await using rig = await setUpTasks();
    const file = statusFileOf(rig);
    spoil(file, rig);
    const plan = await until(async () => {
      const found = await showLogin(rig);
      return found.warnings.length > 0 && found;
    }, 'there is a warning');
    expect(plan.warnings).toEqual([expect.stringContaining(file)]);
    expect(plan.warnings[0]).toContain(warning);
    expect(plan.progress).toMatchObject({ total: 4, completed: 0 });
    expect((await rig.wtd('status')).stdout).toContain(warning);
    rmSync(file, { recursive: true });
    await until(async () => (await showLogin(rig)).warnings.length === 0, 'the warning goes with the file');
  });
});

describe('when the worktree goes', () => {
  test('its progress stays, also what nobody had looked at, and its context goes with it', async () => {
    await using rig = await setUpTasks();
    const worktree = loginCheckout(rig);
    worktree.commit({ 'plans/login.md': planMarkdown.replace('[ ] 1.1', '[x] 1.1') });
    writeFileSync(statusFileOf(rig), '{ "tasks": [ { "id": "2.1", "status": "skipped", "note": "no need" } ] }');
    await rig.call('worktree.remove', { worktree: worktree.path });
    expect(existsSync(worktree.path)).toBe(false);
    const kept = { total: 4, completed: 1, skipped: 1, percent: 33.3, currentPhase: 'Begin' };
    expect((await showLogin(rig)).progress).toMatchObject(kept);
    rig.repository.commit({ 'plans/login.md': '- [ ] 5.5 Another plan\n' });
    await rig.daemon.kill();
    await rig.startDaemon();
    expect((await showLogin(rig)).progress).toMatchObject(kept);
    rmSync(join(rig.repository.path, 'plans'), { recursive: true });
    expect((await showLogin(rig)).progress).toMatchObject(kept);
    expect(await statusesOfLogin(rig)).toMatchObject({ 1.1: 'completed (status)', 2.1: 'skipped (status)' });
  });

  test('what is known is noted in the next one', async () => {
    await using rig = await setUpTasks();
    await reportLogin(rig, { 1.2: 'failed' });
    writeFileSync(statusFileOf(rig), '{ "tasks": [ { "id": "2.1", "status": "skipped", "note": "no need" } ] }');
    await rig.call('worktree.remove', { worktree: loginCheckout(rig).path });
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
    await using rig = await setUpTasks();
    loginCheckout(rig).write('plans/login.md', planMarkdown.replace('[ ] 1.1', '[x] 1.1'));
    await untilProgress(rig, { completed: 1 });
    rmSync(loginCheckout(rig).path, { recursive: true });
    await until(async () => (await showLogin(rig)).warnings.length > 0, 'it is missed');
    expect((await showLogin(rig)).progress).toMatchObject({ total: 4, completed: 1 });
  });
});

test('a worktree that outlives its plan, or goes back to the pool, keeps nothing of its context', async () => {
  await using rig = await Rig.setUp({ config: { worktrees: { allocation_strategy: 'reuse' } } });
  const { created } = await rig.call('worktree.create', { repository: rig.repository.path, branches: ['feature'] });
  const [made] = created;
  if (!made) throw new Error('no worktree was made');
  const context = join(made.path, '.claude-context');
  rig.repository.commit({ 'plans/login.md': planMarkdown });
  const file = join(rig.repository.path, 'plans/login.md');
  await rig.start('login', ['true'], { worktree: made.path, file });
  await rig.wait('login');
  expect(readFileSync(join(context, 'current-plan.txt'), 'utf8')).toBe('plans/login.md\n');
  writeFileSync(join(context, 'notes.md'), 'mine');
  await rig.call('plan.remove', { plan: 'login', repository: 'shop' });
  expect([existsSync(made.path), readdirSync(context)]).toEqual([true, ['notes.md']]);

  const lent = await rig.call('pool.acquire', { repository: 'shop' });
  mkdirSync(join(lent.worktree.path, '.claude-context'));
  writeFileSync(join(lent.worktree.path, '.claude-context', 'status.json'), '{ "tasks": [] }');
  await rig.call('pool.release', { lease: lent.lease.id, fence: lent.lease.fence });
  const again = await rig.call('pool.acquire', { repository: 'shop', waitMs: 20_000 });
  expect(again).toMatchObject({ source: 'reused', worktree: { path: lent.worktree.path } });
  expect(existsSync(join(lent.worktree.path, '.claude-context'))).toBe(false);
});
