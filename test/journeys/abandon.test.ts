import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { stateOf } from '../rig/tree-state.ts';

const address = (plan = 'login') => ({ plan, repository: 'shop' });

const checkoutOf = (rig: Rig, plan = 'login'): Checkout =>
  new Checkout(join(rig.repository.path, 'worktrees', `plan-${plan}`), rig.place.env);

async function makePlan(rig: Rig, plan = 'login'): Promise<Checkout> {
  await rig.start(plan, ['true']);
  await rig.wait(plan);
  return checkoutOf(rig, plan);
}

const codesOf = async (rig: Rig): Promise<unknown[]> => {
  const refused = await rig.refusal('plan.abandon', address());
  expect(refused.code).toBe('UNSAFE');
  expect(refused.hint).toContain('wtd abandon login --force');
  return (refused['blockers'] as { code: string }[]).map(({ code }) => code).sort();
};

test('plan.abandon takes worktree and branch away, keeps both, and gives the ports back', async () => {
  await using rig = await Rig.setUp();
  const worktree = await makePlan(rig);
  const tip = worktree.commit({ 'login.txt': 'login\n' }, 'Login');
  const { ports } = await rig.call('plan.show', address());

  const abandoned = await rig.wtd('abandon', 'login');
  expect(abandoned).toMatchObject({ exitCode: 0, stderr: '' });
  const shown = await rig.call('plan.show', address());
  const { outcome } = shown;
  expect(shown).toMatchObject({ state: 'abandoned', worktree: null, ports: null });
  expect(outcome).toMatchObject({ kind: 'abandoned', tip, archive: 'archive/plan/login', into: null });
  expect(existsSync(worktree.path)).toBe(false);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect(rig.repository.branches()).toEqual(['main']);
  expect(rig.repository.git('rev-parse', 'archive/plan/login')).toBe(tip);
  const { events } = await rig.call('event.list', { types: ['plan.abandoned'] });
  expect(events).toMatchObject([
    { plan: 'login', data: { archive: 'archive/plan/login', snapshot: outcome?.snapshot, branchDeleted: true } },
  ]);
  const { worktrees } = await rig.call('worktree.list', { repository: 'shop', all: true });
  expect(worktrees).toMatchObject([{ state: 'removed', declared: 'abandoned' }]);
  expect((await rig.call('status.get', { repository: 'shop' })).plans).toEqual([]);

  // What it says brings it back.
  const [branch = '', restore = ''] = abandoned.stdout.split('\n').flatMap((line) => line.split(': ')[1] ?? []);
  expect((await rig.wtd(...restore.split(' ').slice(1))).exitCode).toBe(0);
  expect(rig.repository.git('rev-parse', 'plan/login')).toBe(tip);
  expect(branch).toBe('git branch plan/login archive/plan/login');
  await rig.start('search', ['true']);
  expect((await rig.call('plan.show', address('search'))).ports?.start).toBeGreaterThanOrEqual(ports?.start ?? 0);
});

test('plan.abandon refuses with everything in the way at once; force keeps all of it in a snapshot', async () => {
  await using rig = await Rig.setUp();
  await rig.startSteered('login');
  const worktree = checkoutOf(rig);
  worktree.commit({ 'login.txt': 'login\n' }, 'Login');
  worktree.write('login.txt', 'changed\n');
  worktree.write('new.txt', 'new\n');
  const before = stateOf(worktree);
  expect(await codesOf(rig)).toEqual(['active_run', 'uncommitted', 'untracked']);
  expect((await rig.wtd('abandon', 'login')).exitCode).toBe(7);
  expect(stateOf(worktree)).toEqual(before);
  expect(await rig.call('plan.show', address())).toMatchObject({ state: 'running', outcome: null });
  expect(rig.repository.git('tag', '--list')).toBe('');

  const { state, outcome, run } = await rig.call('plan.abandon', { ...address(), force: true });
  expect({ state, run: run?.state }).toEqual({ state: 'abandoned', run: 'stopped' });
  const restored = await rig.call('worktree.restore', { snapshot: outcome?.snapshot ?? '' });
  expect(stateOf(worktree.at(restored.path))).toEqual(before);
});

test('a plan that has ended is not abandoned, and one that was abandoned can begin anew', async () => {
  await using rig = await Rig.setUp();
  const worktree = await makePlan(rig);
  worktree.commit({ 'login.txt': 'login\n' }, 'First login');
  await rig.call('plan.abandon', address());
  const refused = { code: 'INVALID_STATE', state: 'abandoned' };
  expect(await rig.refusal('plan.abandon', address())).toMatchObject(refused);
  expect(await rig.refusal('plan.rebase', address())).toMatchObject(refused);

  rig.repository.commit({ 'README.md': 'A larger shop\n' }, 'Move');
  await makePlan(rig);
  expect(await rig.call('plan.show', address())).toMatchObject({ state: 'succeeded', outcome: null });
  expect(worktree.git('log', '--format=%s')).toBe('Move\nBegin');
  worktree.commit({ 'login.txt': 'login\n' }, 'Second login');
  expect(await rig.call('plan.abandon', address())).toMatchObject({ outcome: { archive: 'archive/plan/login-2' } });
  expect(rig.repository.git('log', '-1', '--format=%s', 'archive/plan/login')).toBe('First login');
  expect(rig.repository.git('log', '-1', '--format=%s', 'archive/plan/login-2')).toBe('Second login');

  const cart = await makePlan(rig, 'cart');
  cart.commit({ 'cart.txt': 'cart\n' });
  rig.repository.git('merge', '--quiet', '--no-ff', 'plan/cart');
  expect(await rig.refusal('plan.abandon', address('cart'))).toMatchObject({ ...refused, state: 'completed' });
});

test('a plan without commits of its own, without a worktree, or whose directory is gone is abandoned as well', async () => {
  await using rig = await Rig.setUp();
  await rig.call('plan.create', { name: 'idle', repository: rig.repository.path });
  expect(await rig.call('plan.abandon', address('idle'))).toMatchObject({
    state: 'abandoned',
    outcome: { tip: null, archive: null, snapshot: null },
  });
  await makePlan(rig, 'empty');
  expect(await rig.call('plan.abandon', address('empty'))).toMatchObject({ outcome: { archive: null } });
  const lost = await makePlan(rig, 'lost');
  const tip = lost.commit({ 'lost.txt': 'lost\n' });
  rmSync(lost.path, { recursive: true });
  expect(await rig.call('plan.abandon', address('lost'))).toMatchObject({ outcome: { tip } });
  const swept = await makePlan(rig, 'swept');
  swept.commit({ 'swept.txt': 'swept\n' });
  await rig.call('worktree.remove', { worktree: 'plan-swept', repository: 'shop' });
  expect(await rig.call('plan.abandon', address('swept'))).toMatchObject({
    outcome: { archive: 'archive/plan/swept' },
  });
  expect(rig.repository.branches()).toEqual(['main']);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect((await rig.call('daemon.doctor', {})).findings).toEqual([]);
});

test('a worktree that was given to the plan stays with its branch and what is in it', async () => {
  await using rig = await Rig.setUp();
  await rig.call('worktree.create', { repository: rig.repository.path, branches: ['feature'] });
  await rig.start('login', ['true'], { worktree: 'feature' });
  await rig.wait('login');
  const worktree = rig.repository.at(join(rig.repository.path, 'worktrees', 'feature'));
  const tip = worktree.commit({ 'login.txt': 'login\n' });
  worktree.write('new.txt', 'new\n');
  const abandoned = await rig.call('plan.abandon', address());
  expect(abandoned).toMatchObject({ state: 'abandoned', worktree: null, outcome: { archive: 'archive/feature', tip } });
  expect(readFileSync(join(worktree.path, 'new.txt'), 'utf8')).toBe('new\n');
  expect(rig.repository.branches()).toEqual(['feature', 'main']);
  expect(await rig.call('worktree.show', { worktree: 'feature', repository: 'shop' })).toMatchObject({
    state: 'in_use',
    plan: null,
    snapshot: abandoned.outcome?.snapshot,
  });
});

test('a branch that another plan stands on, or that is checked out elsewhere, stays', async () => {
  await using rig = await Rig.setUp();
  const login = await makePlan(rig);
  login.commit({ 'login.txt': 'login\n' });
  await rig.start('cart', ['true'], { base: 'plan/login' });
  await rig.wait('cart');
  expect(await rig.call('plan.abandon', address())).toMatchObject({ state: 'abandoned' });
  expect(rig.repository.branches()).toEqual(['main', 'plan/cart', 'plan/login']);
  rig.repository.git('tag', 'archive/plan/cart/x');
  const cart = checkoutOf(rig, 'cart');
  cart.commit({ 'cart.txt': 'cart\n' });
  expect(await rig.call('plan.abandon', address('cart'))).toMatchObject({
    outcome: { archive: 'archive/plan/cart-2' },
  });
  expect(rig.repository.branches()).toEqual(['main', 'plan/login']);
});

test('a rebase that was kept is in the snapshot of a plan that is abandoned by force', async () => {
  await using rig = await Rig.setUp();
  const worktree = await makePlan(rig);
  worktree.commit({ 'README.md': 'A shop with a login\n' }, 'Login');
  rig.repository.commit({ 'README.md': 'A larger shop\n' }, 'Move');
  await rig.call('plan.rebase', { ...address(), onConflict: 'keep' });
  expect(await codesOf(rig)).toEqual(['conflicted', 'operation']);
  const { outcome } = await rig.call('plan.abandon', { ...address(), force: true });
  expect(rig.repository.git('log', '-1', '--format=%s', outcome?.archive ?? '')).toBe('Login');
  const restored = await rig.call('worktree.restore', { snapshot: outcome?.snapshot ?? '' });
  expect(restored.conditions).toEqual(['conflicted', 'dirty']);
});

test('plan.abandon keeps commits also where a tag is in the way of the usual name', async () => {
  await using rig = await Rig.setUp();
  const tip = (await makePlan(rig)).commit({ 'login.txt': 'login\n' }, 'Login');
  rig.repository.git('tag', 'archive');
  const { outcome } = await rig.call('plan.abandon', address());
  expect(outcome).toMatchObject({ kind: 'abandoned', archive: 'archive-plan/login' });
  expect(rig.repository.git('rev-parse', 'archive-plan/login')).toBe(tip);
});
