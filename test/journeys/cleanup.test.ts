import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import type { Result } from '../../src/contract/index.ts';
import { finishPlan, whileDead, whileDeadSql, worktreeOf } from '../rig/doctor.ts';
import { changeDatabase } from '../rig/database.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const commit = 'git commit --quiet --allow-empty -m work';
const addFile = 'echo work > work.txt && git add work.txt && git commit --quiet -m work';

/** No sweep comes by itself. */
const byHand = { worktrees: { auto_cleanup: false }, limits: { max_concurrent: 10 } };

/** By name of the worktree: what becomes of it. */
const reasonsIn = (entries: readonly { name: string; reason: string }[]): Record<string, string> =>
  Object.fromEntries(entries.map(({ name, reason }) => [name.replace(/^plan-/, ''), reason]));

const planOf = async (rig: Rig, olderThanMs?: number) => {
  const params = olderThanMs === undefined ? {} : { olderThanMs };
  const { remove, keep, freeMb } = await rig.call('cleanup.plan', params);
  return { remove: reasonsIn(remove), keep: reasonsIn(keep), freeMb };
};

const reasonsOf = ({ removed, skipped, errors }: Result<'cleanup.run'>) => ({
  removed: reasonsIn(removed),
  skipped: reasonsIn(skipped),
  errors: reasonsIn(errors),
});

/** Their worktrees were last used so long ago. */
const unusedFor = (agoMs: number, ...plans: string[]): string =>
  `UPDATE worktrees SET last_used_at = ${Date.now() - agoMs} WHERE name IN (${plans.map((plan) => `'plan-${plan}'`).join()})`;

test('a sweep takes what is old, idle or merged, and nothing in which work is or which somebody uses', async () => {
  await using rig = await Rig.setUp({ config: byHand });
  for (const plan of ['idle', 'old', 'recent', 'staged', 'untracked', 'changed', 'operating'])
    await finishPlan(rig, plan);
  for (const plan of ['merged', 'squashed', 'unmerged'])
    await finishPlan(rig, plan, `echo ${plan} > ${plan}.txt && git add . && ${commit}`);
  await finishPlan(rig, 'detached', `git checkout --quiet --detach && ${commit}`);
  const { child } = await rig.startSteered('running');
  rig.repository.git('merge', '--quiet', '--no-edit', 'plan/merged');
  rig.repository.git('merge', '--quiet', '--squash', 'plan/squashed');
  rig.repository.git('commit', '--quiet', '-m', 'Squashed');
  worktreeOf(rig, 'staged').write('new.txt', 'new\n');
  worktreeOf(rig, 'staged').git('add', 'new.txt');
  worktreeOf(rig, 'untracked').write('new.txt', 'new\n');
  worktreeOf(rig, 'changed').write('README.md', 'changed\n');
  worktreeOf(rig, 'operating').commit({ 'a.txt': 'a' });
  worktreeOf(rig, 'operating').git('-c', 'sequence.editor=sed -i 1s/pick/edit/', 'rebase', '-q', '-i', 'HEAD~1');
  const all = ['staged', 'untracked', 'changed', 'operating', 'unmerged', 'detached', 'running'];
  await whileDeadSql(rig, unusedFor(400 * dayMs, 'old', ...all), unusedFor(2 * dayMs, 'idle'));

  const wanted = {
    remove: { idle: 'idle', old: 'old', merged: 'merged', squashed: 'merged' },
    keep: {
      recent: 'recent',
      staged: 'uncommitted',
      untracked: 'untracked',
      changed: 'uncommitted',
      operating: 'operation',
      unmerged: 'unmerged',
      detached: 'detached',
      running: 'active_run',
    },
  };
  expect(await planOf(rig)).toMatchObject(wanted);
  expect(rig.repository.worktrees(), 'a plan is only a plan').toHaveLength(13);
  const swept = await rig.call('cleanup.run', {});
  expect(reasonsOf(swept)).toEqual({ removed: wanted.remove, skipped: wanted.keep, errors: {} });
  for (const plan of Object.keys(wanted.remove)) expect(existsSync(worktreeOf(rig, plan).path), plan).toBe(false);
  for (const plan of Object.keys(wanted.keep)) expect(existsSync(worktreeOf(rig, plan).path), plan).toBe(true);
  expect(rig.repository.branches()).toEqual(expect.arrayContaining(['plan/merged', 'plan/squashed', 'plan/unmerged']));
  expect(await planOf(rig)).toMatchObject({ remove: {}, keep: wanted.keep });
  const { events } = await rig.call('event.list', { types: ['cleanup.swept', 'worktree.removed'] });
  expect(events.map(({ type }) => type)).toEqual([...Array<string>(4).fill('worktree.removed'), 'cleanup.swept']);
  expect(events.at(-1)?.data).toEqual({ removed: 4, skipped: 8, errors: 0 });
  await child.exit(0);
  await rig.wait('running');
});

test('a plan outlives its worktree: the next start makes it again, with a port range and what its branch has', async () => {
  await using rig = await Rig.setUp({ config: byHand });
  await finishPlan(rig, 'login', addFile);
  rig.repository.git('merge', '--quiet', 'plan/login');
  expect(reasonsOf(await rig.call('cleanup.run', {})).removed).toEqual({ login: 'merged' });
  expect(await rig.call('plan.show', { plan: 'login', repository: 'shop' })).toMatchObject({
    state: 'completed',
    worktree: null,
    ports: null,
  });
  await rig.start('login', ['sh', '-c', 'cat work.txt']);
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded', attempt: 2 });
});

test('--older-than replaces the ages of the configuration, and counts from the last use', async () => {
  await using rig = await Rig.setUp({ config: byHand });
  for (const plan of ['hour', 'day']) await finishPlan(rig, plan);
  await whileDeadSql(rig, unusedFor(hourMs, 'hour'), unusedFor(3 * dayMs, 'day'));
  expect((await planOf(rig, 7 * dayMs)).remove).toEqual({});
  expect((await planOf(rig, 2 * dayMs)).remove).toEqual({ day: 'old' });
  const shown = await rig.wtd('cleanup', '--older-than', '30m', '--json');
  expect(reasonsIn((shown.json() as Result<'cleanup.plan'>).remove)).toEqual({ hour: 'old', day: 'old' });
  await finishPlan(rig, 'day');
  expect((await planOf(rig, 30 * 60_000)).remove, 'a run is use').toEqual({ hour: 'old' });
});

test('wtd cleanup is a dry run unless it is told otherwise, and what it prints is what is done', async () => {
  await using rig = await Rig.setUp({ config: byHand });
  await finishPlan(rig, 'idle');
  await finishPlan(rig, 'work', addFile);
  await whileDeadSql(rig, unusedFor(2 * dayMs, 'idle', 'work'));
  const dry = await rig.wtd('cleanup');
  expect(dry.exitCode).toBe(0);
  expect(dry.stdout).toMatch(/would remove\n.*\nidle .*worktrees\/plan-idle.*not used for 2d/);
  expect(dry.stdout).toMatch(/would keep\n.*\nunmerged .*worktrees\/plan-work/);
  expect(dry.stdout).toContain('wtd cleanup --execute');
  const before = (await rig.wtd('cleanup', '--json')).json() as Result<'cleanup.plan'>;
  const done = (await rig.wtd('cleanup', '--execute', '--json')).json() as Result<'cleanup.run'>;
  expect(done.removed.map(({ worktree, reason }) => [worktree, reason])).toEqual(
    before.remove.map(({ worktree, reason }) => [worktree, reason]),
  );
  expect((await rig.wtd('cleanup')).stdout).toContain('nothing to remove');
  expect((await rig.wtd('cleanup', '--execute')).stdout).toContain('0 worktrees removed, 1 kept, 0 failed');
});

test('what is orphaned, abandoned or missing goes when nothing of it would be lost', async () => {
  await using rig = await Rig.setUp({ config: byHand });
  const plans = ['orphan', 'orphanWithWork', 'abandoned', 'abandonedWithWork', 'missing', 'missingWithWork'];
  for (const plan of plans) await finishPlan(rig, plan);
  for (const plan of plans.filter((name) => name.endsWith('WithWork'))) worktreeOf(rig, plan).write('new.txt', 'new\n');
  worktreeOf(rig, 'missingWithWork').git('add', '.');
  await whileDead(rig, () => {
    for (const plan of ['missing', 'missingWithWork']) rmSync(worktreeOf(rig, plan).path, { recursive: true });
    changeDatabase(
      rig.place,
      `UPDATE plans SET worktree_id = NULL WHERE name LIKE 'orphan%'`,
      `UPDATE worktrees SET declared = 'abandoned' WHERE name LIKE 'plan-abandoned%'`,
    );
  });
  expect(reasonsOf(await rig.call('cleanup.run', {}))).toEqual({
    removed: { orphan: 'orphaned', abandoned: 'abandoned', missing: 'orphaned' },
    skipped: { orphanWithWork: 'untracked', abandonedWithWork: 'untracked', missingWithWork: 'uncommitted' },
    errors: {},
  });
  expect(rig.repository.worktrees()).toHaveLength(4);
});

test('a worktree that somebody else locked, that a process works in, or that failed stays', async () => {
  await using rig = await Rig.setUp({ config: byHand });
  for (const plan of ['locked', 'visited', 'failed', 'free']) await finishPlan(rig, plan);
  rig.repository.git('worktree', 'unlock', worktreeOf(rig, 'locked').path);
  rig.repository.git('worktree', 'lock', '--reason', 'mine', worktreeOf(rig, 'locked').path);
  const below = join(worktreeOf(rig, 'visited').path, 'below');
  mkdirSync(below);
  const visitor = spawn('sleep', ['1000'], { cwd: below });
  try {
    await whileDeadSql(
      rig,
      unusedFor(2 * dayMs, 'locked', 'visited', 'failed', 'free'),
      `UPDATE worktrees SET state = 'failed' WHERE name = 'plan-failed'`,
    );
    expect(reasonsOf(await rig.call('cleanup.run', {}))).toEqual({
      removed: { free: 'idle' },
      skipped: { locked: 'locked', visited: 'in_use', failed: 'failed' },
      errors: {},
    });
  } finally {
    visitor.kill('SIGKILL');
  }
  rig.place.configure({ worktrees: { auto_cleanup: false, cleanup_policy: { keep_failed: false } } });
  await rig.call('daemon.reload', {});
  await until(async () => Object.keys((await planOf(rig)).remove).length === 2, 'the visitor is gone');
  expect((await planOf(rig)).remove).toEqual({ visited: 'idle', failed: 'idle' });
});

test('over the disk budget the longest unused go first, until the rest fits', async () => {
  await using rig = await Rig.setUp({ config: { worktrees: { auto_cleanup: false, disk_budget_mb: 7 } } });
  rig.repository.commit({ '.gitignore': '*.bin\n' });
  for (const plan of ['first', 'second', 'third']) await finishPlan(rig, plan, 'head -c 3000000 /dev/zero > big.bin');
  await finishPlan(rig, 'dirty', 'head -c 3000000 /dev/zero > big.txt');
  await whileDeadSql(rig, unusedFor(3 * hourMs, 'second', 'dirty'), unusedFor(2 * hourMs, 'third'));
  await until(
    async () => (await rig.call('plan.list', {})).plans.every(({ worktree }) => (worktree?.diskMb ?? 0) > 2.9),
    'all are measured',
    60_000,
  );
  expect((await rig.call('status.get', {})).warnings).toEqual([expect.stringContaining('disk_budget_mb')]);
  const plan = await planOf(rig);
  expect(plan).toMatchObject({ remove: { second: 'over_budget', third: 'over_budget' } });
  expect(plan.freeMb).toBeGreaterThan(5.9);
  expect(reasonsOf(await rig.call('cleanup.run', {}))).toMatchObject({
    removed: { second: 'over_budget', third: 'over_budget' },
    skipped: { first: 'recent', dirty: 'untracked' },
  });
  expect((await rig.call('status.get', {})).warnings).toEqual([]);
});

test('a repository that git cannot read keeps its worktrees, and the others are swept all the same', async () => {
  await using rig = await Rig.setUp({ config: byHand });
  await finishPlan(rig, 'good');
  await whileDeadSql(
    rig,
    unusedFor(2 * dayMs, 'good'),
    `INSERT INTO repositories SELECT 'broken', 'broken', '/nowhere', '/nowhere/.git', 'main', NULL, channels, trusted, added_at, NULL FROM repositories`,
    `INSERT INTO worktrees (id, repository_id, name, branch, branch_made, base_commit, path, kind, state, declared, use_count, created_at)
      SELECT 'lost', 'broken', 'lost', 'lost', 1, base_commit, '/nowhere/lost', 'named', 'in_use', 'active', 1, 0 FROM worktrees`,
  );
  expect(reasonsOf(await rig.call('cleanup.run', {}))).toEqual({
    removed: { good: 'idle' },
    skipped: { lost: 'unverified' },
    errors: {},
  });
});

test('the schedule sweeps by itself, unless it shall not', async () => {
  const everySecond = { schedule: { cleanup: '* * * * * *' } };
  await using rig = await Rig.setUp({ config: { ...byHand, ...everySecond } });
  await finishPlan(rig, 'login', addFile);
  rig.repository.git('merge', '--quiet', 'plan/login');
  const due = () => Number(readFileSync(join(rig.place.home, 'cleanup.due'), 'utf8'));
  const first = due();
  await until(() => due() > first + 1000, 'the schedule came by twice');
  expect(existsSync(worktreeOf(rig, 'login').path)).toBe(true);
  rig.place.configure(everySecond);
  await rig.call('daemon.reload', {});
  await until(() => !existsSync(worktreeOf(rig, 'login').path), 'it is swept');
  await until(async () => (await rig.call('event.list', { types: ['cleanup.swept'] })).events.length > 0, 'it is told');
});

test('a sweep that was due while no daemon lived is caught up, one that was not is not', async () => {
  await using rig = await Rig.setUp({ config: { schedule: { cleanup: '0 0 1 1 *' } } });
  await finishPlan(rig, 'login', addFile);
  rig.repository.git('merge', '--quiet', 'plan/login');
  const due = join(rig.place.home, 'cleanup.due');
  await until(() => existsSync(due), 'it is known when it is due');
  const startWithDue = async (time?: number) => {
    await rig.daemon.kill();
    rmSync(due);
    if (time !== undefined) writeFileSync(due, String(time));
    await rig.startDaemon();
  };
  await startWithDue();
  await until(() => existsSync(due), 'the first job is done');
  expect(existsSync(worktreeOf(rig, 'login').path)).toBe(true);
  await startWithDue(Date.now() - 1000);
  await until(() => !existsSync(worktreeOf(rig, 'login').path), 'it is swept');
  await until(() => Number(readFileSync(due, 'utf8')) > Date.now(), 'the next one is due later');
});

test('plans that are started in the middle of a sweep run in a whole worktree, the old one or a new one', async () => {
  await using rig = await Rig.setUp({ config: byHand });
  const plans = ['a', 'b', 'c', 'd'];
  for (const plan of plans) await finishPlan(rig, plan);
  const sweep = rig.call('cleanup.run', { olderThanMs: 0 });
  const another = rig.call('cleanup.run', { olderThanMs: 0 });
  for (const plan of plans.toReversed()) await rig.start(plan, ['sh', '-c', 'test -f README.md && git status']);
  const swept = await sweep;
  for (const plan of plans) expect(await rig.wait(plan), plan).toMatchObject({ state: 'succeeded', attempt: 2 });
  expect(swept.errors).toEqual([]);
  expect(swept.removed.length + swept.skipped.length).toBe(plans.length);
  expect((await another).errors).toEqual([]);
  expect(await rig.call('daemon.doctor', {})).toMatchObject({ findings: [] });
});
