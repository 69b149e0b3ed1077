import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Checkout } from '../rig/repository.ts';
import { poolStatus, setUpPool, untilPool } from '../rig/pool.ts';

test('a plan takes a ready worktree, under its own name, on its own branch', async () => {
  await using rig = await setUpPool(46_000, {});
  await rig.call('pool.warm', { repository: rig.repository.path, count: 1 });
  const ready = new Checkout(join(rig.repository.path, 'worktrees', 'pool'), rig.place.env);
  ready.write('.git-ignored', '');
  rig.repository.write('.git/info/exclude', '.git-ignored\n/worktrees\n/.claude-context/\n');
  const run = await rig.start('login', ['sh', '-c', 'git symbolic-ref --short HEAD; git status --porcelain']);
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
  expect((await rig.wtd('logs', 'login')).stdout).toBe('plan/login\n');
  const path = join(rig.repository.path, 'worktrees', 'plan-login');
  expect(run.cwd).toBe(path);
  expect(existsSync(join(path, '.git-ignored')), 'it is the one that was ready').toBe(true);
  expect(existsSync(ready.path)).toBe(false);
  const plan = await rig.call('plan.show', { plan: 'login', repository: 'shop' });
  expect(plan).toMatchObject({ worktree: { name: 'plan-login', kind: 'plan', state: 'in_use', path, useCount: 1 } });
  expect(rig.repository.git('worktree', 'list', '--porcelain')).toContain(
    `locked wtd: plan login of ${rig.place.home}`,
  );
  expect(await poolStatus(rig)).toMatchObject({ total: 0, available: 0, inUse: 0 });
  expect((await rig.call('daemon.doctor', {})).findings).toEqual([]);
  await rig.call('plan.remove', { plan: 'login', repository: 'shop' });
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect(rig.repository.branches()).toEqual(['main']);
});

test('a plan that starts elsewhere, or whose branch has commits, takes one as well', async () => {
  await using rig = await setUpPool(46_500, {});
  const begin = rig.repository.git('rev-parse', 'HEAD');
  rig.repository.commit({ 'more.txt': 'more\n' });
  await rig.call('pool.warm', { repository: rig.repository.path, count: 2 });
  await rig.start('old', ['sh', '-c', 'git rev-parse HEAD; ls'], { base: begin });
  await rig.wait('old');
  expect((await rig.wtd('logs', 'old')).stdout).toBe(`${begin}\nREADME.md\n`);
  rig.repository.git('branch', 'plan/known', begin);
  await rig.start('known', ['ls']);
  await rig.wait('known');
  expect((await rig.wtd('logs', 'known')).stdout).toBe('README.md\n');
  expect(await poolStatus(rig)).toMatchObject({ total: 0 });
});

test('a plan whose branch is checked out elsewhere is refused, and what is ready stays ready', async () => {
  await using rig = await setUpPool(47_000, {});
  rig.repository.linkWorktree('plan/login');
  await rig.call('pool.warm', { repository: rig.repository.path, count: 1 });
  const refusal = await rig.refusal('plan.start', { repository: 'shop', plan: 'login', command: ['true'] });
  expect(refusal).toMatchObject({ code: 'BUSY' });
  await untilPool(rig, { total: 1, available: 1 });
});
