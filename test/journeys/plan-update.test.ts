import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

const address = (plan = 'login') => ({ plan, repository: 'shop' });

test('plan.update changes what is written down, takes back what is null, and leaves the rest', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ 'docs/login.md': '## Phase 1: Login\n- [ ] 1.1 Form\n' });
  await rig.call('plan.create', {
    ...{ name: 'login', repository: rig.repository.path, command: ['true'] },
    limits: { maxMemoryMb: 100, maxDiskMb: 200 },
  });
  await rig.call('plan.create', { name: 'search', repository: 'shop' });
  const flags = ['--file', 'docs/login.md', '--base', 'main', '--depends-on', 'search', '--max-memory-mb', '300'];
  expect((await rig.wtd('plan', 'update', 'login', ...flags, '--', 'npm', 'test')).exitCode).toBe(0);
  const told = { file: 'docs/login.md', command: ['npm', 'test'], base: 'main', dependsOn: ['search'] };
  const limits = { maxMemoryMb: 300, maxDiskMb: 200 };
  expect(await rig.call('plan.show', address())).toMatchObject({ ...told, limits, warnings: [] });
  const { events } = await rig.call('event.list', { types: ['plan.updated'] });
  expect(events).toMatchObject([{ plan: 'login', data: { ...told, limits } }]);

  const cleared = { file: null, command: null, dependsOn: null, limits: null };
  expect(await rig.call('plan.update', { ...address(), ...cleared })).toMatchObject({
    ...{ file: null, command: [], base: 'main', dependsOn: [], limits: null },
  });
  expect((await rig.wtd('plan', 'update', 'login', '--base', 'none', '--max-disk-mb', 'none')).exitCode).toBe(0);
  expect(await rig.call('plan.show', address())).toMatchObject({ base: null, limits: { maxDiskMb: null } });
  await rig.call('plan.update', address());
  expect((await rig.call('event.list', { types: ['plan.updated'] })).events).toHaveLength(3);
});

test('plan.update refuses what cannot be, as plan.create does, and changes nothing', async () => {
  await using rig = await Rig.setUp();
  await rig.call('plan.create', { name: 'login', repository: rig.repository.path });
  await rig.call('plan.create', { name: 'search', repository: 'shop', dependsOn: ['login'] });
  await rig.call('plan.create', { name: 'cart', repository: 'shop', dependsOn: ['search'] });
  const before = await rig.call('plan.list', { repository: 'shop' });
  const refusals = [
    [{ file: 'nowhere.md' }, 'NOT_FOUND', /nowhere\.md/],
    [{ file: '/etc/passwd' }, 'INVALID_PARAMS', /not inside/],
    [{ base: 'nowhere' }, 'NOT_FOUND', /nowhere/],
    [{ base: 'plan/login' }, 'INVALID_PARAMS', /itself/],
    [{ dependsOn: ['login'] }, 'INVALID_PARAMS', /login -> login$/],
    [{ dependsOn: ['nobody', 'cart'] }, 'INVALID_PARAMS', /login -> cart -> search -> login$/],
  ] as const;
  for (const [changes, code, message] of refusals) {
    const params = { ...address(), ...changes, dependsOn: [...('dependsOn' in changes ? changes.dependsOn : [])] };
    expect(await rig.refusal('plan.update', params)).toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  }
  expect(await rig.refusal('plan.update', address('nobody'))).toMatchObject({ code: 'NOT_FOUND' });
  expect(await rig.call('plan.list', { repository: 'shop' })).toEqual(before);

  // One that others wait for already may not wait for them either.
  await rig.call('plan.remove', address('login'));
  const anew = { name: 'login', repository: 'shop', dependsOn: ['cart'] };
  const circle = ['login', 'cart', 'search', 'login'];
  expect(await rig.refusal('plan.create', anew)).toMatchObject({ code: 'INVALID_PARAMS', circle });
});

test('a plan may be written down before the one it depends on, and says so', async () => {
  await using rig = await Rig.setUp();
  await rig.call('plan.create', { name: 'login', repository: rig.repository.path });
  const { warnings } = await rig.call('plan.update', { ...address(), dependsOn: ['search'] });
  expect(warnings).toEqual(['depends on search, and there is no such plan']);
  await rig.call('plan.create', { name: 'search', repository: 'shop' });
  expect((await rig.call('plan.show', address())).warnings).toEqual([]);
});

test('what a plan is merged into may change while it has its worktree, and a run goes on as it was started', async () => {
  await using rig = await Rig.setUp();
  rig.repository.git('branch', 'release');
  const { run, child } = await rig.startSteered('login');
  const worktree = new Checkout(join(rig.repository.path, 'worktrees', 'plan-login'), rig.place.env);
  worktree.commit({ 'login.txt': 'login\n' });
  rig.repository.commit({ 'README.md': 'A larger shop\n' });
  expect(await rig.call('plan.show', address())).toMatchObject({ git: { ahead: 1, behind: 1 } });
  const changed = await rig.call('plan.update', { ...address(), base: 'release', command: ['false'] });
  expect(changed).toMatchObject({
    ...{ state: 'running', base: 'release', command: ['false'], git: { ahead: 1, behind: 0 } },
    worktree: { base: 'release' },
    run: { id: run.id, command: child.command },
  });
  await child.exit(0);
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
});
