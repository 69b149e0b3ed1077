import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { whileDeadSql } from '../rig/doctor.ts';
import { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const checkoutOf = (rig: Rig, plan: string): Checkout =>
  new Checkout(join(rig.repository.path, 'worktrees', `plan-${plan}`), rig.place.env);

const remove = (rig: Rig, plan: string) => rig.call('plan.remove', { plan, repository: 'shop' });
const codesOf = async (rig: Rig, plan: string): Promise<unknown[]> => {
  const refused = await rig.refusal('plan.remove', { plan, repository: 'shop' });
  expect(refused.code).toBe('UNSAFE');
  return (refused['blockers'] as { code: string }[]).map(({ code }) => code).sort();
};

test('plan.remove refuses with everything that would be lost at once, and changes nothing', async () => {
  await using rig = await Rig.setUp();
  const { child } = await rig.startSteered('login');
  const worktree = checkoutOf(rig, 'login');
  worktree.commit({ 'work.txt': 'work\n' });
  worktree.git('-c', 'sequence.editor=sed -i 1s/pick/edit/', 'rebase', '--quiet', '-i', 'HEAD~1');
  worktree.write('README.md', 'changed\n');
  worktree.write('new.txt', 'new\n');
  expect(await codesOf(rig, 'login')).toEqual(['active_run', 'operation', 'uncommitted', 'untracked']);
  const refused = await rig.wtd('plan', 'remove', 'login');
  expect(refused.exitCode).toBe(7);
  expect(refused.stderr).toMatch(/rebase.*|run .* is active/);
  expect(worktree.git('status', '--porcelain')).toBe(' M README.md\n?? new.txt');
  expect(await rig.call('plan.show', { plan: 'login', repository: 'shop' })).toMatchObject({ state: 'running' });

  worktree.git('stash', '--include-untracked', '--quiet');
  expect(await codesOf(rig, 'login')).toEqual(['active_run', 'operation']);
  worktree.git('rebase', '--continue');
  expect(await codesOf(rig, 'login')).toEqual(['active_run']);
  await child.exit(0);
  await rig.wait('login');
  expect(await remove(rig, 'login')).toEqual({ removed: true });
});

test('plan.remove refuses while commits hang on no branch, and while a merge has conflicts', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  const worktree = checkoutOf(rig, 'login');
  worktree.git('switch', '--quiet', '--detach');
  const commit = worktree.commit({ 'README.md': 'detached\n' });
  expect(await codesOf(rig, 'login')).toEqual(['detached']);
  worktree.git('switch', '--quiet', 'plan/login');
  worktree.commit({ 'README.md': 'attached\n' });
  expect(() => worktree.git('merge', commit)).toThrow();
  expect(await codesOf(rig, 'login')).toEqual(['conflicted', 'operation']);
  worktree.git('merge', '--abort');
  expect(await remove(rig, 'login')).toEqual({ removed: true });
});

test('plan.remove takes worktree, plan and runs away, keeps a branch with commits, and gives its ports back', async () => {
  await using rig = await Rig.setUp({ config: { ports: { base: 21_000, last: 21_099 } } });
  await rig.start('login', ['sh', '-c', 'git commit -q --allow-empty -m work']);
  const run = await rig.wait('login');
  const worktree = checkoutOf(rig, 'login');
  const tip = worktree.git('rev-parse', 'HEAD');
  const { ports } = await rig.call('plan.show', { plan: 'login', repository: 'shop' });
  expect((await rig.wtd('plan', 'remove', 'login')).exitCode).toBe(0);

  expect(existsSync(worktree.path)).toBe(false);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect(rig.repository.git('rev-parse', 'plan/login')).toBe(tip);
  expect(await rig.call('plan.list', { repository: 'shop' })).toEqual({ plans: [] });
  expect(await rig.refusal('run.show', { run: run.id })).toMatchObject({ code: 'NOT_FOUND' });
  expect(existsSync(join(rig.place.home, 'runs', run.id))).toBe(false);
  await until(() => !existsSync(join(rig.repository.path, 'worktrees')), 'the trash is emptied');

  await rig.start('search', ['true']);
  const search = await rig.call('plan.show', { plan: 'search', repository: 'shop' });
  expect(search.ports).toEqual(ports);
});

test('plan.remove deletes an empty branch of its own, and only that', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  repository.git('branch', 'plan/theirs');
  for (const plan of ['ours', 'theirs']) {
    await rig.start(plan, ['true']);
    await rig.wait(plan);
  }
  checkoutOf(rig, 'ours').git('config', 'branch.plan/ours.description', 'ours');
  for (const plan of ['ours', 'theirs']) await remove(rig, plan);
  expect(repository.branches()).toEqual(['main', 'plan/theirs']);
  expect(repository.git('config', '--list')).not.toContain('plan/ours');
  const removed = (await rig.call('event.list', { types: ['worktree.removed'] })).events;
  expect(removed.map(({ data }) => [data['branch'], data['branchDeleted']])).toEqual([
    ['plan/ours', true],
    ['plan/theirs', false],
  ]);
});

test('plan.remove forgets a plan that never ran, and one whose worktree was deleted by hand', async () => {
  await using rig = await Rig.setUp();
  await rig.call('plan.create', { name: 'idle', repository: rig.repository.path });
  expect(await remove(rig, 'idle')).toEqual({ removed: true });
  await rig.start('login', ['true']);
  await rig.wait('login');
  rmSync(checkoutOf(rig, 'login').path, { recursive: true });
  expect(await remove(rig, 'login')).toEqual({ removed: true });
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect(rig.repository.branches()).toEqual(['main']);
  expect(await rig.refusal('plan.remove', { plan: 'login', repository: 'shop' })).toMatchObject({ code: 'NOT_FOUND' });
});

test('plan.remove leaves ignored files no chance to keep the worktree, and a queued run every chance', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
  rig.repository.commit({ '.gitignore': 'node_modules/\n' });
  await rig.start('first', ['sh', '-c', 'mkdir node_modules && touch node_modules/x']);
  await rig.wait('first');
  const { child } = await rig.startSteered('busy');
  await rig.start('waiting', ['true']);
  expect(await codesOf(rig, 'waiting')).toEqual(['active_run']);
  expect(await remove(rig, 'first')).toEqual({ removed: true });
  await child.exit(0);
  expect(await rig.wait('waiting')).toMatchObject({ state: 'succeeded' });
});

test('a plan that was removed can be started again from nothing', async () => {
  await using rig = await Rig.setUp();
  for (const attempt of [1, 2]) {
    const run = await rig.start('login', ['sh', '-c', `git commit -q --allow-empty -m "work ${attempt}"`]);
    expect(run.attempt).toBe(1);
    expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
    await remove(rig, 'login');
  }
  expect(rig.repository.git('log', '--format=%s', 'plan/login')).toBe('work 2\nwork 1\nBegin');
});

test('commits of a detached HEAD are kept when the directory of their worktree is gone, until a branch has them', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  const worktree = checkoutOf(rig, 'login');
  worktree.git('checkout', '--quiet', '--detach');
  const commit = worktree.commit({ 'work.txt': 'work\n' });
  rmSync(worktree.path, { recursive: true });
  const refusals = [
    await rig.refusal('plan.remove', { plan: 'login', repository: 'shop' }),
    await rig.refusal('plan.start', { plan: 'login', repository: 'shop', command: ['true'] }),
  ];
  for (const refusal of refusals) {
    expect(refusal).toMatchObject({ code: 'UNSAFE', blockers: [{ code: 'detached' }] });
  }
  expect(rig.repository.git('worktree', 'list', '--porcelain')).toContain(`HEAD ${commit}`);
  rig.repository.git('branch', 'kept', commit);
  expect(await remove(rig, 'login')).toEqual({ removed: true });
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
});

test('what was staged in a worktree is kept when its directory is gone, and comes back with it', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  const worktree = checkoutOf(rig, 'login');
  worktree.write('work.txt', 'work\n');
  worktree.git('add', 'work.txt');
  rmSync(worktree.path, { recursive: true });
  const refusals = [
    await rig.refusal('plan.remove', { plan: 'login', repository: 'shop' }),
    await rig.refusal('plan.start', { plan: 'login', repository: 'shop', command: ['true'] }),
  ];
  for (const refusal of refusals) {
    expect(refusal).toMatchObject({ code: 'UNSAFE', blockers: [{ code: 'uncommitted' }] });
    expect(refusal.hint).toContain('`git worktree repair`');
  }
  mkdirSync(worktree.path);
  expect(await codesOf(rig, 'login'), 'a directory that is no worktree hides nothing').toEqual(['unverified']);
  rig.repository.git('worktree', 'repair');
  worktree.git('checkout-index', '--all');
  expect(readFileSync(join(worktree.path, 'work.txt'), 'utf8')).toBe('work\n');
  worktree.git('commit', '--quiet', '--message', 'Work');
  expect(await remove(rig, 'login')).toEqual({ removed: true });
  expect(rig.repository.git('show', 'plan/login:work.txt')).toBe('work');
});

test('an operation that was begun in a worktree is kept when its directory is gone', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  const worktree = checkoutOf(rig, 'login');
  worktree.commit({ 'work.txt': 'work\n' });
  worktree.git('-c', 'sequence.editor=sed -i 1s/pick/edit/', 'rebase', '--quiet', '-i', 'HEAD~1');
  renameSync(worktree.path, `${worktree.path}.away`);
  expect(await codesOf(rig, 'login')).toEqual(['operation']);
  renameSync(`${worktree.path}.away`, worktree.path);
  worktree.git('rebase', '--continue');
  expect(await remove(rig, 'login')).toEqual({ removed: true });
});

test('a worktree that somebody else locked is left, until it is unlocked', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  const worktree = checkoutOf(rig, 'login');
  rig.repository.git('worktree', 'unlock', worktree.path);
  rig.repository.git('worktree', 'lock', '--reason', 'mine', worktree.path);
  expect(await codesOf(rig, 'login')).toEqual(['locked']);
  expect(existsSync(join(worktree.path, 'README.md'))).toBe(true);
  rig.repository.git('worktree', 'unlock', worktree.path);
  expect(await remove(rig, 'login')).toEqual({ removed: true });
});

test('the main checkout is never taken away, whatever the registry says', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  const main = rig.repository.path;
  await whileDeadSql(rig, `UPDATE worktrees SET path = '${main}', branch = 'main', branch_made = 0`);
  expect(await rig.refusal('plan.remove', { plan: 'login', repository: 'shop' })).toMatchObject({
    code: 'UNSAFE',
    message: expect.stringContaining(main) as string,
    blockers: [{ code: 'main_worktree' }],
  });
  for (const state of ['creating', 'cleaning']) await whileDeadSql(rig, `UPDATE worktrees SET state = '${state}'`);
  expect(readFileSync(join(main, 'README.md'), 'utf8')).toBe('A shop\n');
  expect(existsSync(join(main, '..', '.trash'))).toBe(false);
});
