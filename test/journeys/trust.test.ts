import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { footprint } from '../rig/footprint.ts';
import { makeRepository, type Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

const repository = 'shop';
const asking = (...commands: string[][]) => JSON.stringify({ worktrees: { setup: { run: commands } } });
const touches = (name: string) => ['touch', `worktree-${name}`];

async function rigWith(text: string): Promise<Rig> {
  const rig = await Rig.setUp();
  rig.repository.commit({ 'wtd.yaml': text, '.gitignore': 'worktree-*\n' });
  await rig.call('repository.add', { path: rig.repository.path });
  return rig;
}

const isSetUp = (rig: Rig, plan: string, name: string): boolean =>
  existsSync(join(rig.repository.path, 'worktrees', `plan-${plan}`, `worktree-${name}`));

describe("a repository's own commands", () => {
  test('run in no worktree before they are trusted, and nothing is made', async () => {
    await using rig = await rigWith(asking(touches('first'), ['npm', 'ci']));
    const before = await footprint(rig);
    const refusal = await rig.refusal('plan.start', { plan: 'login', repository, command: ['true'] });
    expect(refusal).toMatchObject({ code: 'UNTRUSTED', repository, commands: [touches('first'), ['npm', 'ci']] });
    expect(refusal.message).toContain('touch worktree-first; npm ci');
    expect(refusal.hint).toContain('wtd repo trust shop');
    expect(await rig.refusal('run.register', { plan: 'login', repository })).toMatchObject({ code: 'UNTRUSTED' });
    expect(await footprint(rig)).toEqual(before);
    expect((await rig.wtd('start', 'login', '--', 'true')).exitCode).toBe(14);
    expect(await rig.call('repository.show', { repository })).toMatchObject({
      trusted: false,
      commands: [touches('first'), ['npm', 'ci']],
    });
  });

  test('run once somebody trusts them, who is shown what they are', async () => {
    await using rig = await rigWith(asking(touches('first')));
    const trusted = await rig.wtd('repo', 'trust', 'shop');
    expect(trusted).toMatchObject({ exitCode: 0 });
    expect(trusted.stdout).toBe(
      'shop is trusted; in its new worktrees and before a merge it may run:\n  touch worktree-first\n',
    );
    await rig.start('login', ['true']);
    expect(isSetUp(rig, 'login', 'first')).toBe(true);
    const { events } = await rig.call('event.list', { types: ['repository.trusted'] });
    expect(events).toMatchObject([{ repository, data: { commands: [touches('first')] } }]);
  });

  test('are asked for again when the file changes, and not when it is as it was', async () => {
    await using rig = await rigWith(asking(touches('first')));
    expect(await rig.call('repository.trust', { repository })).toMatchObject({ trusted: true });
    rig.repository.write('wtd.yaml', asking(touches('second')));
    expect(await rig.call('repository.show', { repository })).toMatchObject({ trusted: false });
    expect(await rig.refusal('plan.start', { plan: 'login', repository, command: ['true'] })).toMatchObject({
      code: 'UNTRUSTED',
      commands: [touches('second')],
    });
    rig.repository.write('wtd.yaml', asking(touches('first')));
    await rig.daemon.terminate();
    await rig.startDaemon();
    expect((await rig.call('repository.list', {})).repositories).toMatchObject([{ trusted: true }]);
    await rig.start('login', ['true']);
    expect(isSetUp(rig, 'login', 'first')).toBe(true);
  });

  test('that changed do not keep a plan from running in the worktree that it has', async () => {
    await using rig = await rigWith(asking(touches('first')));
    await rig.call('repository.trust', { repository });
    await rig.start('login', ['true']);
    await rig.wait('login');
    rig.repository.write('wtd.yaml', asking(touches('second')));
    await rig.start('login', ['true']);
    expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
    expect(await rig.wtd('restart', 'login')).toMatchObject({ exitCode: 0 });
  });

  test("are the default branch's where the repository is bare", async () => {
    await using rig = await Rig.setUp();
    rig.repository.commit({ 'wtd.yaml': asking(touches('first')), '.gitignore': 'worktree-*\n' });
    const bare = join(rig.place.directory, 'repositories', 'bare.git');
    rig.repository.git('clone', '--quiet', '--bare', '.', bare);
    const { name } = await rig.call('repository.add', { path: bare });
    const wish = { plan: 'login', repository: name, command: ['test', '-e', 'worktree-first'] };
    expect(await rig.refusal('plan.start', wish)).toMatchObject({ code: 'UNTRUSTED' });
    await rig.call('repository.trust', { repository: name });
    await rig.call('plan.start', { ...wish, env: { ...rig.place.env } });
    expect(await rig.call('plan.wait', { plan: 'login', repository: name })).toMatchObject({ state: 'succeeded' });
  });
});

test('what asks to run nothing needs no trust, and the commands of the configuration need none', async () => {
  await using rig = await Rig.setUp({ config: { worktrees: { setup: { run: [touches('mine')] } } } });
  rig.repository.commit({ 'wtd.yaml': 'worktrees: { branch_prefix: team/ }\n', '.gitignore': 'worktree-*\n' });
  const run = await rig.start('login', ['test', '-e', 'worktree-mine']);
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
  expect(run.cwd?.endsWith('worktrees/team-login')).toBe(true);
  expect(await rig.call('repository.trust', { repository })).toMatchObject({ trusted: true, commands: [] });
  rig.repository.write('wtd.yaml', asking());
  await rig.start('search', ['true']);
  expect(isSetUp(rig, 'search', 'mine'), 'no commands are what it says').toBe(false);
});

describe('a wtd.yaml', () => {
  const refuse = async (rig: Rig) => rig.refusal('plan.start', { plan: 'login', repository, command: ['true'] });

  test.each([
    [
      'worktrees: { pool: 1 }',
      'unknown key worktrees.pool (allowed here: branch_prefix, parallel_worktrees, allocation_strategy, pool_size, ',
    ],
    ['worktrees: { setup: { run: npm ci } }', 'worktrees.setup.run'],
    ['worktrees: { setup: { copy: [../secret] } }', 'worktrees.setup.copy.0: must be a path inside the repository'],
    ['worktrees: { setup: { clone: [/etc] } }', 'worktrees.setup.clone.0'],
    ['worktrees: { base: -x }', 'worktrees.base'],
    ['limits: { max_concurrent: 100 }', 'unknown key limits (allowed here: worktrees, resources, completion)'],
    ['worktrees: [', 'wtd.yaml'],
    ['just text', 'the file'],
  ])('%s is refused with its place', async (text, said) => {
    await using rig = await rigWith(text);
    const before = await footprint(rig);
    const refusal = await refuse(rig);
    expect(refusal).toMatchObject({ code: 'INVALID_PARAMS' });
    expect(refusal.message).toContain(join(rig.repository.path, 'wtd.yaml'));
    expect(refusal.message).toContain(said);
    expect(await rig.refusal('repository.trust', { repository })).toMatchObject({ code: 'INVALID_PARAMS' });
    expect(await rig.call('repository.show', { repository })).toMatchObject({ trusted: false, commands: [] });
    expect(await footprint(rig)).toEqual(before);
  });

  test('that is no small file of the repository itself is not read', async () => {
    await using rig = await Rig.setUp();
    await rig.call('repository.add', { path: rig.repository.path });
    const file = join(rig.repository.path, 'wtd.yaml');
    const elsewhere = join(rig.place.directory, 'elsewhere.yaml');
    writeFileSync(elsewhere, '{}');
    const bad: (() => unknown)[] = [
      () => {
        symlinkSync(elsewhere, file);
      },
      () => {
        writeFileSync(file, `# ${'x'.repeat(1_000_000)}\n`);
      },
      () => {
        mkdirSync(file);
      },
      () => execFileSync('mkfifo', [file]),
    ];
    for (const make of bad) {
      make();
      const refusal = await refuse(rig);
      expect(refusal).toMatchObject({ code: 'INVALID_PARAMS' });
      expect(refusal.message).toContain(file);
      execFileSync('rm', ['-r', file]);
    }
    await rig.start('login', ['true']);
  });
});

test('what is said of a repository can be changed', async () => {
  await using rig = await Rig.setUp();
  const other: Checkout = makeRepository(rig.place, 'other');
  await rig.call('repository.add', { path: other.path });
  const { id } = await rig.call('repository.add', { path: rig.repository.path });
  rig.repository.git('branch', 'develop');
  const words = ['--name', 'store', '--description', 'Where we sell', '--default-branch', 'develop'];
  const updated = await rig.wtd('repo', 'update', 'shop', ...words, '--json');
  expect(updated.json()).toMatchObject({ id, name: 'store', description: 'Where we sell', defaultBranch: 'develop' });
  const store = { repository: 'store' };
  expect(await rig.call('repository.update', { ...store, description: null, channels: ['#shop'] })).toMatchObject({
    name: 'store',
    description: null,
    channels: ['#shop'],
    defaultBranch: 'develop',
  });
  const plan = await rig.call('plan.create', { name: 'login', repository: 'store' });
  expect(plan.base).toBe('develop');
  expect(await rig.refusal('repository.update', { ...store, name: 'other' })).toMatchObject({ code: 'ALREADY_EXISTS' });
  expect(await rig.refusal('repository.update', { ...store, defaultBranch: 'gone' })).toMatchObject({
    code: 'NOT_FOUND',
    kind: 'branch',
  });
  expect(await rig.refusal('repository.show', { repository: 'shop' })).toMatchObject({ code: 'NOT_FOUND' });
  const { events } = await rig.call('event.list', { types: ['repository.updated'] });
  expect(events).toMatchObject([{ repository: 'store', data: { was: 'shop' } }, { repository: 'store' }]);
  expect(readFileSync(join(rig.repository.path, 'README.md'), 'utf8')).toBe('A shop\n');
});
