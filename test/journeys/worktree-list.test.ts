import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Checkout, makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const at = (rig: Rig, name: string) => new Checkout(join(rig.repository.path, 'worktrees', name), rig.place.env);

/** Name and conditions of every worktree in the list. */
async function conditions(rig: Rig): Promise<Record<string, string[]>> {
  const { worktrees } = await rig.call('worktree.list', { repository: rig.repository.path });
  return Object.fromEntries(worktrees.map(({ name, conditions: found }) => [name, found]));
}

test('worktree.list tells what is true of each: dirty, conflicted, merged, missing; a fresh branch is not merged', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  const branches = ['fresh', 'dirty', 'conflicted', 'merged', 'squashed', 'missing'];
  await rig.call('worktree.create', { repository: repository.path, branches });
  at(rig, 'dirty').write('new.txt', 'new\n');
  for (const name of ['merged', 'squashed']) at(rig, name).commit({ [`${name}.txt`]: 'work\n' });
  repository.git('merge', '--quiet', '--no-ff', '--message', 'Merge', 'merged');
  repository.git('merge', '--quiet', '--squash', 'squashed');
  repository.git('commit', '--quiet', '--message', 'Squashed');
  at(rig, 'conflicted').commit({ 'README.md': 'one\n' });
  repository.commit({ 'README.md': 'two\n' });
  expect(() => at(rig, 'conflicted').git('merge', 'main')).toThrow();
  rmSync(at(rig, 'missing').path, { recursive: true });
  await until(async () => {
    expect(await conditions(rig)).toEqual({
      fresh: [],
      dirty: ['dirty'],
      conflicted: ['conflicted', 'dirty'],
      merged: ['merged'],
      squashed: ['merged'],
      missing: ['missing'],
    });
    return true;
  }, 'the list tells what is true now');
  const shown = await rig.wtd('worktree', 'list');
  expect(shown.stdout).toMatch(/STATE[^]*conflicted dirty/);
  const one = await rig.wtd('worktree', 'status', 'merged', '--json');
  expect(one.json()).toMatchObject({ name: 'merged', conditions: ['merged'] });
  const all = await rig.wtd('worktree', 'status', '--json');
  expect((all.json() as { worktrees: unknown[] }).worktrees).toHaveLength(6);
});

test('worktrees that wtd did not make are listed too, the main checkout is not', async () => {
  await using rig = await Rig.setUp();
  await rig.call('repository.add', { path: rig.repository.path });
  const byHand = rig.repository.linkWorktree('by-hand');
  byHand.write('new.txt', 'new\n');
  const { worktrees } = await rig.call('worktree.list', { repository: 'shop' });
  expect(worktrees).toMatchObject([
    {
      id: byHand.path,
      path: byHand.path,
      owned: false,
      kind: 'adopted',
      branch: 'by-hand',
      ports: null,
      conditions: ['dirty'],
    },
  ]);
  expect((await rig.wtd('worktree', 'list')).stdout).toContain("not wtd's");
  const shown = (await rig.call('worktree.list', { repository: 'shop' })).worktrees.find(({ owned }) => !owned);
  expect(await rig.call('worktree.show', { worktree: shown?.id ?? '' })).toEqual(shown);
});

test('a worktree that nobody used for a day is stale', async () => {
  await using rig = await Rig.setUp({ daemon: false });
  const clock = join(rig.place.directory, 'clock');
  writeFileSync(clock, '0');
  await rig.startDaemon({ WTD_CLOCK: clock });
  await rig.call('worktree.create', { repository: rig.repository.path, branches: ['login'] });
  expect(await conditions(rig)).toEqual({ login: [] });
  writeFileSync(clock, String(25 * 3_600_000));
  expect(await conditions(rig)).toEqual({ login: ['stale'] });
});

test('the worktrees of the repository around are listed, outside of one those of all; removed ones on request', async () => {
  await using rig = await Rig.setUp();
  const blog = makeRepository(rig.place, 'blog');
  await rig.call('worktree.create', { repository: rig.repository.path, branches: ['login', 'gone'] });
  await rig.call('worktree.create', { repository: blog.path, branches: ['post'] });
  await rig.call('worktree.remove', { worktree: 'gone', repository: 'shop' });
  const names = async (params: object) => (await rig.call('worktree.list', params)).worktrees.map(({ name }) => name);
  expect(await names({ cwd: blog.path })).toEqual(['post']);
  expect((await names({ cwd: rig.place.directory })).sort()).toEqual(['login', 'post']);
  expect((await names({ repository: 'shop', all: true })).sort()).toEqual(['gone', 'login']);
  const { worktrees } = await rig.call('worktree.list', { repository: 'shop', all: true });
  expect(worktrees.find(({ name }) => name === 'gone')).toMatchObject({ state: 'removed', conditions: [] });
});

test("a plan's worktree says so, and is found by id, path, name and branch", async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  const { worktree } = await rig.call('plan.show', { plan: 'login', repository: 'shop' });
  for (const address of [worktree?.id, worktree?.path]) {
    expect(await rig.call('worktree.show', { worktree: address ?? '' })).toMatchObject({ plan: 'login', kind: 'plan' });
  }
  for (const address of ['plan-login', 'plan/login']) {
    expect(await rig.call('worktree.show', { worktree: address, repository: 'shop' })).toMatchObject({
      id: worktree?.id,
    });
  }
  expect(await rig.refusal('worktree.show', { worktree: 'plan-logn', repository: 'shop' })).toMatchObject({
    code: 'NOT_FOUND',
    hint: expect.stringContaining('plan-login') as string,
  });
});

test('worktree.update notes task, pull request and what became of it, and tells of it', async () => {
  await using rig = await Rig.setUp();
  await rig.call('worktree.create', { repository: rig.repository.path, branches: ['login'] });
  const address = { worktree: 'login', repository: 'shop' };
  expect(await rig.call('worktree.update', { ...address, task: 'log in', pr: 7 })).toMatchObject({
    task: 'log in',
    pr: { number: 7, url: null },
  });
  const pr = { number: 8, url: 'https://example.org/8' };
  expect(await rig.call('worktree.update', { ...address, pr, declared: 'merged' })).toMatchObject({
    task: 'log in',
    pr,
    declared: 'merged',
    conditions: ['merged'],
  });
  const changed = await rig.wtd('worktree', 'update', 'login', '--pr', '9', '--task', 'none', '--json');
  expect(changed.json()).toMatchObject({ pr: { number: 9 }, task: null });
  expect((await rig.wtd('worktree', 'list')).stdout).toContain('#9');
  const { events } = await rig.call('event.list', { types: ['worktree.updated'] });
  expect(events.map(({ data }) => data)).toHaveLength(3);
  at(rig, 'login').commit({ 'a.txt': 'a\n' });
  expect(
    await rig.refusal('worktree.remove', { ...address, deleteBranch: true }),
    'what people say allows no loss',
  ).toMatchObject({ code: 'UNSAFE', blockers: [{ code: 'unmerged' }] });
});

test('worktree.health finds what is wrong with a worktree', async () => {
  await using rig = await Rig.setUp();
  await rig.call('worktree.create', { repository: rig.repository.path, branches: ['login'] });
  const address = { worktree: 'login', repository: 'shop' };
  const wrong = async () =>
    (await rig.call('worktree.health', address)).checks.filter(({ ok }) => ok !== true).map(({ name }) => name);
  expect(await wrong()).toEqual([]);
  expect(await rig.call('worktree.health', address)).toMatchObject({ healthy: true });
  at(rig, 'login').git('switch', '--quiet', '--create', 'other');
  rig.repository.git('worktree', 'unlock', at(rig, 'login').path);
  expect(await wrong()).toEqual(['branch', 'lock']);
  renameSync(at(rig, 'login').path, join(rig.place.directory, 'away'));
  expect(await wrong()).toEqual(expect.arrayContaining(['directory', 'pointer', 'head']));
  expect((await rig.wtd('worktree', 'health', 'login')).stdout).toContain('WRONG');
});
