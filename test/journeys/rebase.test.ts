import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { stateOf } from '../rig/tree-state.ts';
import { until } from '../rig/until.ts';

const address = (plan = 'login') => ({ plan, repository: 'shop' });

const checkoutOf = (rig: Rig, plan = 'login'): Checkout =>
  new Checkout(join(rig.repository.path, 'worktrees', `plan-${plan}`), rig.place.env);

/** A plan that has run and has its worktree. */
async function makePlan(rig: Rig, plan = 'login', more: { base?: string } = {}): Promise<Checkout> {
  await rig.start(plan, ['true'], more);
  await rig.wait(plan);
  return checkoutOf(rig, plan);
}

/** The plan and its moved base change the same line. */
async function makeConflict(rig: Rig): Promise<Checkout> {
  const worktree = await makePlan(rig);
  worktree.commit({ 'README.md': 'A shop with a login\n', 'login.txt': 'login\n' }, 'Login');
  rig.repository.commit({ 'README.md': 'A larger shop\n' }, 'Move');
  return worktree;
}

const codesOf = async (rig: Rig, params: { onConflict?: 'keep'; abort?: boolean } = {}): Promise<unknown[]> => {
  const refused = await rig.refusal('plan.rebase', { ...address(), ...params });
  expect(refused.code).toBe('UNSAFE');
  return (refused['blockers'] as { code: string }[]).map(({ code }) => code).sort();
};

test('plan.rebase puts the commits of a plan onto its moved base, and tells of it', async () => {
  await using rig = await Rig.setUp();
  const worktree = await makePlan(rig);
  const from = worktree.commit({ 'login.txt': 'login\n' }, 'Login');
  const onto = rig.repository.commit({ 'README.md': 'A larger shop\n' }, 'Move');
  worktree.write('notes.txt', 'untracked\n');
  expect(await rig.call('plan.show', address())).toMatchObject({ git: { ahead: 1, behind: 1 } });

  const rebased = await rig.wtd('rebase', 'login');
  expect(rebased).toMatchObject({ exitCode: 0, stdout: 'login is rebased\n' });
  expect(worktree.git('log', '--format=%s')).toBe('Login\nMove\nBegin');
  expect(worktree.git('status', '--porcelain', '--branch')).toBe('## plan/login\n?? notes.txt');
  expect(await rig.call('plan.show', address())).toMatchObject({ state: 'succeeded', git: { ahead: 1, behind: 0 } });
  const { events } = await rig.call('event.list', { types: ['plan.rebased'] });
  expect(events).toMatchObject([{ plan: 'login', data: { from, to: worktree.git('rev-parse', 'HEAD'), onto } }]);

  expect(await rig.call('plan.rebase', address())).toEqual({ rebased: false, conflicts: [] });
  expect((await rig.wtd('rebase', 'login')).stdout).toContain('nothing was to be done');
  expect((await rig.call('event.list', { types: ['plan.rebased'] })).events).toHaveLength(1);
});

test('a plan without commits of its own follows its base, and is not taken for merged', async () => {
  await using rig = await Rig.setUp();
  const worktree = await makePlan(rig);
  const onto = rig.repository.commit({ 'README.md': 'A larger shop\n' }, 'Move');
  expect(await rig.call('plan.rebase', address())).toEqual({ rebased: true, conflicts: [] });
  expect(worktree.git('rev-parse', 'plan/login')).toBe(onto);
  const shown = await rig.call('plan.show', address());
  expect(shown).toMatchObject({ state: 'succeeded', worktree: { conditions: [] } });
  // Its empty branch is still wtd's to take away.
  await rig.call('plan.remove', address());
  expect(rig.repository.branches()).toEqual(['main']);
});

test('plan.rebase refuses with everything that is in the way at once, and changes nothing', async () => {
  await using rig = await Rig.setUp();
  const { child } = await rig.startSteered('login');
  const worktree = checkoutOf(rig);
  worktree.commit({ '.gitignore': '.env\n', 'login.txt': 'login\n' }, 'Login');
  rig.repository.commit({ '.env': 'BASE=1\n', 'notes.txt': 'of the base\n' }, 'Move');
  worktree.write('login.txt', 'changed\n');
  worktree.write('.env', 'SECRET=1\n');
  worktree.write('notes.txt', 'mine\n');
  const before = stateOf(worktree);
  expect(await codesOf(rig)).toEqual(['active_run', 'uncommitted', 'untracked']);
  const refused = await rig.wtd('rebase', 'login');
  expect(refused.exitCode).toBe(7);
  expect(refused.stderr).toMatch(/\.env, notes\.txt/);
  expect(stateOf(worktree)).toEqual(before);

  await child.exit(0);
  await rig.wait('login');
  expect(await codesOf(rig)).toEqual(['uncommitted', 'untracked']);
  worktree.git('checkout', '--quiet', 'login.txt');
  expect(await codesOf(rig)).toEqual(['untracked']);
  for (const name of ['.env', 'notes.txt']) rmSync(join(worktree.path, name));
  worktree.git('switch', '--quiet', '--detach');
  expect(await codesOf(rig)).toEqual(['detached']);
  worktree.git('switch', '--quiet', 'plan/login');
  worktree.git('-c', 'sequence.editor=sed -i 1s/pick/edit/', 'rebase', '--quiet', '-i', 'HEAD~1');
  expect(await codesOf(rig)).toEqual(['operation']);
  worktree.git('rebase', '--abort');
  expect(await rig.call('plan.rebase', address())).toMatchObject({ rebased: true });
});

test('plan.rebase says what there is to do where there is no worktree, no branch, no base, or nothing left', async () => {
  await using rig = await Rig.setUp();
  await rig.call('plan.create', { name: 'idle', repository: rig.repository.path });
  expect(await rig.refusal('plan.rebase', address('idle'))).toMatchObject({
    code: 'INVALID_STATE',
    hint: '`wtd start idle` makes it one',
  });
  expect(await rig.refusal('plan.rebase', address('nobody'))).toMatchObject({ code: 'NOT_FOUND', kind: 'plan' });
  const worktree = await makePlan(rig);
  expect(await rig.refusal('plan.rebase', { ...address(), onto: 'nowhere' })).toMatchObject({ code: 'NOT_FOUND' });
  expect(await rig.refusal('plan.rebase', { ...address(), abort: true })).toMatchObject({ code: 'INVALID_STATE' });
  worktree.commit({ 'login.txt': 'login\n' });
  rig.repository.git('merge', '--quiet', '--no-ff', 'plan/login');
  expect(await rig.refusal('plan.rebase', address())).toMatchObject({ code: 'INVALID_STATE', state: 'completed' });
  rmSync(worktree.path, { recursive: true });
  expect(await rig.refusal('plan.rebase', address())).toMatchObject({ code: 'INVALID_STATE' });
});

test('a conflict is undone, unless it is to be kept, and named with its files', async () => {
  await using rig = await Rig.setUp();
  const worktree = await makeConflict(rig);
  worktree.write('notes.txt', 'untracked\n');
  const before = stateOf(worktree);
  expect(await rig.refusal('plan.rebase', address())).toMatchObject({
    code: 'CONFLICT',
    files: [{ path: 'README.md', kind: 'content' }],
  });
  expect(stateOf(worktree)).toEqual(before);
  const refused = await rig.wtd('rebase', 'login');
  expect(refused).toMatchObject({ exitCode: 8, stdout: '' });
  expect(refused.stderr).toContain('README.md');
  expect(stateOf(worktree)).toEqual(before);
  expect((await rig.call('plan.show', address())).worktree?.conditions).toEqual(['dirty']);
});

test('a conflict that is kept can be taken back bit by bit, and a snapshot has what was resolved', async () => {
  await using rig = await Rig.setUp();
  const worktree = await makeConflict(rig);
  const before = stateOf(worktree);
  const kept = await rig.wtd('rebase', 'login', '--on-conflict', 'keep');
  expect(kept).toMatchObject({ exitCode: 1, stderr: '' });
  expect(kept.stdout).toContain('README.md (content)');
  expect(kept.stdout).toContain('wtd rebase login --abort');
  const shown = await rig.call('plan.show', address());
  expect(shown).toMatchObject({ state: 'succeeded', worktree: { conditions: ['conflicted', 'dirty'] } });
  expect(await codesOf(rig)).toEqual(['conflicted', 'operation', 'uncommitted']);

  worktree.write('README.md', 'A larger shop with a login\n');
  expect((await rig.wtd('rebase', 'login', '--abort')).exitCode).toBe(0);
  expect(stateOf(worktree)).toEqual(before);
  expect((await rig.call('plan.show', address())).worktree?.conditions).toEqual([]);
  const [snapshot] = (await rig.call('worktree.snapshots', { repository: 'shop' })).snapshots;
  const restored = await rig.call('worktree.restore', { snapshot: snapshot?.id ?? '', name: 'resolved' });
  expect(readFileSync(join(restored.path, 'README.md'), 'utf8')).toBe('A larger shop with a login\n');
});

test('a conflict that is kept can be resolved by hand, also without wtd, and where the plan begins follows', async () => {
  await using rig = await Rig.setUp({ config: { schedule: { reconcile: '* * * * * *' } } });
  const worktree = await makeConflict(rig);
  expect(await rig.call('plan.rebase', { ...address(), onConflict: 'keep' })).toEqual({
    rebased: false,
    conflicts: [{ path: 'README.md', kind: 'content' }],
  });
  await rig.daemon.kill();
  await rig.startDaemon();
  const waits = `its rebase waits: resolve the conflicts in ${worktree.path} and run \`git rebase --continue\``;
  expect((await rig.call('plan.show', address())).warnings).toEqual([expect.stringContaining(waits)]);
  expect(worktree.git('status', '--porcelain')).toContain('UU README.md');
  worktree.git('checkout', '--quiet', '--ours', 'README.md');
  worktree.git('rm', '--quiet', '--cached', '--force', 'login.txt');
  rmSync(join(worktree.path, 'login.txt'));
  worktree.git('add', 'README.md');
  worktree.git('-c', 'core.editor=true', 'rebase', '--skip');
  // Nothing of it is left, so that only where it began keeps it from looking merged.
  expect(worktree.git('rev-parse', 'HEAD')).toBe(rig.repository.git('rev-parse', 'main'));
  await until(
    async () => (await rig.call('event.list', { types: ['plan.rebased'] })).events.length === 1,
    'the pass of a minute has noticed it',
  );
  expect(await rig.call('plan.show', address())).toMatchObject({ state: 'succeeded', warnings: [] });
});

test('kinds of conflicts are told apart', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  repository.commit({ 'gone.txt': 'here\n', 'logo.bin': 'a\0b', 'lines.txt': 'one\n' });
  const worktree = await makePlan(rig);
  worktree.git('rm', '--quiet', 'gone.txt');
  worktree.commit({ 'logo.bin': 'a\0c', 'lines.txt': 'two\n', 'new.txt': 'mine\n' }, 'All');
  repository.commit({ 'gone.txt': 'changed\n', 'logo.bin': 'a\0d', 'lines.txt': 'three\n', 'new.txt': 'theirs\n' });
  const { conflicts } = await rig.call('plan.rebase', { ...address(), onConflict: 'keep' });
  expect(Object.fromEntries(conflicts.map(({ path, kind }) => [path, kind]))).toEqual({
    'gone.txt': 'modifyDelete',
    'logo.bin': 'binary',
    'lines.txt': 'content',
    'new.txt': 'addAdd',
  });
  expect(await rig.call('plan.rebase', { ...address(), abort: true })).toEqual({ rebased: false, conflicts: [] });
});

test('merges of other branches stay merges, and other branches stay where they are', async () => {
  await using rig = await Rig.setUp();
  rig.repository.git('config', 'rebase.updateRefs', 'true');
  rig.repository.git('config', 'rebase.autoStash', 'true');
  const worktree = await makePlan(rig);
  const first = worktree.commit({ 'a.txt': 'a\n' }, 'A');
  worktree.git('branch', 'marks-a');
  worktree.git('switch', '--quiet', '-c', 'side');
  worktree.commit({ 'side.txt': 'side\n' }, 'Side');
  worktree.git('switch', '--quiet', 'plan/login');
  worktree.commit({ 'b.txt': 'b\n' }, 'B');
  worktree.git('merge', '--quiet', '--no-edit', 'side');
  rig.repository.commit({ 'README.md': 'A larger shop\n' }, 'Move');
  expect(await rig.call('plan.rebase', address())).toMatchObject({ rebased: true });
  expect(worktree.git('rev-list', '--merges', '--count', 'main..HEAD')).toBe('1');
  expect(worktree.git('rev-list', '--no-merges', '--count', 'main..HEAD')).toBe('3');
  expect(worktree.git('rev-parse', 'marks-a')).toBe(first);
  expect(existsSync(join(worktree.path, 'side.txt'))).toBe(true);
});

test('a plan on top of another one brings only its own commits along when that one was squashed', async () => {
  await using rig = await Rig.setUp();
  const login = await makePlan(rig);
  login.commit({ 'README.md': 'A shop with a login\n' }, 'Login');
  login.commit({ 'README.md': 'A shop with a better login\n' }, 'Better');
  const cart = await makePlan(rig, 'cart', { base: 'plan/login' });
  cart.commit({ 'cart.txt': 'cart\n' }, 'Cart');
  rig.repository.git('merge', '--quiet', '--squash', 'plan/login');
  rig.repository.git('commit', '--quiet', '-m', 'Login, squashed');
  rig.repository.commit({ 'README.md': 'A shop with the best login\n' }, 'Best');
  await rig.call('plan.update', { ...address('cart'), base: 'main' });
  expect(await rig.call('plan.rebase', address('cart'))).toEqual({ rebased: true, conflicts: [] });
  expect(cart.git('log', '--format=%s', 'main..HEAD')).toBe('Cart');
});

test('a branch that was there before its plan brings all of its commits along', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  repository.git('switch', '--quiet', '-c', 'plan/login');
  repository.commit({ 'early.txt': 'early\n' }, 'Early');
  repository.git('switch', '--quiet', 'main');
  const worktree = await makePlan(rig);
  worktree.commit({ 'late.txt': 'late\n' }, 'Late');
  repository.commit({ 'README.md': 'A larger shop\n' }, 'Move');
  expect(await rig.call('plan.rebase', address())).toMatchObject({ rebased: true });
  expect(worktree.git('log', '--format=%s')).toBe('Late\nEarly\nMove\nBegin');
});
