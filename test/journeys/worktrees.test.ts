import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { examine, kindsOf, whileDeadSql } from '../rig/doctor.ts';
import { footprint } from '../rig/footprint.ts';
import { Checkout, makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const checkoutOf = (rig: Rig, plan: string): Checkout =>
  new Checkout(join(rig.repository.path, 'worktrees', `plan-${plan}`), rig.place.env);

describe("a plan's worktree", () => {
  test('is a locked git worktree on a branch of its own that tracks nothing', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    const origin = makeRepository(rig.place, 'origin', 'bare');
    repository.git('remote', 'add', 'origin', origin.path);
    repository.git('config', 'branch.autoSetupMerge', 'always');
    const run = await rig.start('login', ['true'], { base: 'main' });
    await rig.wait('login');

    const path = join(repository.path, 'worktrees', 'plan-login');
    expect(run.cwd).toBe(path);
    const list = repository
      .git('worktree', 'list', '--porcelain')
      .split('\n\n')
      .find((entry) => entry.includes(path));
    expect(list?.split('\n')).toEqual([
      `worktree ${path}`,
      `HEAD ${repository.git('rev-parse', 'main')}`,
      'branch refs/heads/plan/login',
      `locked wtd: plan login of ${rig.place.home}`,
    ]);
    expect(readFileSync(join(repository.path, '.git', 'config'), 'utf8')).not.toContain('branch "plan/login"');
    const worktree = checkoutOf(rig, 'login');
    expect(worktree.git('status', '--porcelain')).toBe('');
    expect(readFileSync(join(path, 'README.md'), 'utf8')).toBe('A shop\n');
  });

  test('leaves git status in the main checkout clean, whatever is in it', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    await rig.start('login', ['sh', '-c', 'echo new > new.txt']);
    await rig.wait('login');
    expect(checkoutOf(rig, 'login').git('status', '--porcelain')).toBe('?? new.txt');
    expect(repository.git('status', '--porcelain')).toBe('');
    const file = join(repository.path, '.git', 'info', 'exclude');
    const excluded = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    expect(new Set(excluded).size).toBe(excluded.length);
    for (const path of ['worktrees/plan-login', '.claude-context/current-plan.txt']) {
      expect(repository.git('check-ignore', '--verbose', path)).toContain('info/exclude');
    }
    await rig.start('search', ['true']);
    expect(readFileSync(file, 'utf8').split('\n').filter(Boolean)).toEqual(excluded);
  });

  test('says which plan file it carries out, and git does not see that', async () => {
    await using rig = await Rig.setUp();
    rig.repository.commit({ 'docs/plans/login.md': '## Phase 1: Begin\n- [ ] 1.1 Write it\n' });
    const started = await rig.wtd('start', 'login', '--file', 'docs/plans/login.md', '--wait', '--', 'true');
    expect(started.exitCode).toBe(0);
    const worktree = checkoutOf(rig, 'login');
    const current = join(worktree.path, '.claude-context', 'current-plan.txt');
    expect(readFileSync(current, 'utf8')).toBe('docs/plans/login.md\n');
    expect(worktree.git('status', '--porcelain', '--untracked-files=all')).toBe('');
    expect(await rig.call('plan.show', { plan: 'login', repository: 'shop' })).toMatchObject({
      file: 'docs/plans/login.md',
      git: { dirty: false },
    });
    const elsewhere = join(worktree.path, 'docs', 'plans', 'login.md');
    expect(await rig.start('search', ['true'], { file: elsewhere }), 'a path in another worktree').toBeTruthy();
    const search = await rig.call('plan.show', { plan: 'search', repository: 'shop' });
    expect(search.file).toBe('docs/plans/login.md');
  });

  test('holds an existing branch at its tip, and removing the plan keeps that branch', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    repository.git('switch', '--quiet', '-c', 'plan/login');
    const tip = repository.commit({ 'login.ts': 'begun\n' });
    repository.git('switch', '--quiet', 'main');
    const run = await rig.start('login', ['true']);
    await rig.wait('login');
    expect(checkoutOf(rig, 'login').git('rev-parse', 'HEAD')).toBe(tip);
    expect(existsSync(join(run.cwd ?? '', 'login.ts'))).toBe(true);
    await rig.call('plan.remove', { plan: 'login', repository: 'shop' });
    expect(repository.git('rev-parse', 'plan/login')).toBe(tip);
  });

  test('starts from the base that was asked for', async () => {
    await using rig = await Rig.setUp();
    const first = rig.repository.git('rev-parse', 'HEAD');
    rig.repository.commit({ 'more.txt': 'more\n' });
    rig.repository.git('tag', '--annotate', '--message', 'v1', 'v1', first);
    for (const [plan, base] of [
      ['commit', first],
      ['tag', 'v1'],
      ['relative', 'main~1'],
    ] as const) {
      await rig.start(plan, ['true'], { base });
      await rig.wait(plan);
      expect(checkoutOf(rig, plan).git('rev-parse', 'HEAD'), base).toBe(first);
    }
  });

  test('is made with the hooks of the repository switched off', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    const hook = join(repository.path, '.git', 'hooks', 'post-checkout');
    repository.write('.git/hooks/post-checkout', `#!/bin/sh\ntouch "${rig.place.directory}/hooked"\nexit 1\n`);
    repository.git('config', 'core.hooksPath', join(hook, '..'));
    await rig.start('login', ['true']);
    expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
    expect(existsSync(join(rig.place.directory, 'hooked'))).toBe(false);
  });
});

test('eight plans started at once in one repository all get a worktree, a branch and ports of their own', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 8 } } });
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const runs = await Promise.all(
    names.map((name) => rig.start(name, ['sh', '-c', 'git commit -q --allow-empty -m x'])),
  );
  expect(runs.map(({ state }) => state)).toEqual(names.map(() => 'running'));
  const ended = await Promise.all(names.map((name) => rig.wait(name)));
  expect(ended.map(({ state }) => state)).toEqual(names.map(() => 'succeeded'));

  const { plans } = await rig.call('plan.list', { repository: 'shop' });
  expect(new Set(plans.map(({ worktree }) => worktree?.path)).size).toBe(8);
  expect(new Set(plans.map(({ ports }) => ports?.start)).size).toBe(8);
  expect(plans.map(({ git }) => git?.ahead)).toEqual(names.map(() => 1));
  expect(rig.repository.worktrees()).toHaveLength(9);
  expect(rig.repository.branches()).toEqual(['main', ...names.map((name) => `plan/${name}`)]);
});

describe('a start that cannot get a worktree leaves nothing behind', () => {
  async function expectRefusal(rig: Rig, start: () => Promise<unknown>, repository = rig.repository) {
    const before = await footprint(rig, repository);
    await expect(start()).resolves.toBeTruthy();
    await until(async () => {
      expect(await footprint(rig, repository)).toEqual(before);
      return true;
    }, 'everything is as it was');
  }
  const refuse = async (rig: Rig, error: object, more: object = {}) => {
    const usual = { repository: rig.repository.path, command: ['true'], env: { ...rig.place.env } };
    expect(await rig.refusal('plan.start', { plan: 'login', ...usual, ...more })).toMatchObject(error);
    return true;
  };

  test('when the branch is checked out elsewhere: BUSY, with the path', async () => {
    await using rig = await Rig.setUp();
    const linked = rig.repository.linkWorktree('plan/login');
    await expectRefusal(rig, () => refuse(rig, { code: 'BUSY', holder: linked.path }));
    const refused = await rig.wtd('start', 'login', '--', 'true');
    expect([refused.exitCode, refused.stderr]).toEqual([9, expect.stringContaining(linked.path)]);
  });

  test('when the path is taken: ALREADY_EXISTS, with the path, and what is there stays', async () => {
    await using rig = await Rig.setUp();
    const path = join(rig.repository.path, 'worktrees', 'plan-login');
    rig.repository.write('worktrees/plan-login/mine.txt', 'mine');
    await expectRefusal(rig, () => refuse(rig, { code: 'ALREADY_EXISTS', name: path }));
    expect(readFileSync(join(path, 'mine.txt'), 'utf8')).toBe('mine');
    const refused = await rig.wtd('start', 'login', '--', 'true');
    expect([refused.exitCode, refused.stderr]).toEqual([4, expect.stringContaining(path)]);
  });

  test('when the base does not exist: NOT_FOUND, with its name', async () => {
    await using rig = await Rig.setUp();
    const error = { code: 'NOT_FOUND', kind: 'base', name: 'nowhere' };
    await expectRefusal(rig, () => refuse(rig, error, { base: 'nowhere' }));
    const tree = rig.repository.git('rev-parse', 'HEAD^{tree}');
    await expectRefusal(rig, () => refuse(rig, { code: 'NOT_FOUND', kind: 'base' }, { base: tree }));
    await expectRefusal(rig, () => refuse(rig, { code: 'NOT_FOUND', kind: 'base' }, { base: 'HEAD:README.md' }));
  });

  test('when the repository has no commit: INVALID_STATE', async () => {
    await using rig = await Rig.setUp();
    const unborn = makeRepository(rig.place, 'blog', 'unborn');
    const error = { code: 'INVALID_STATE', state: 'unborn' };
    await expectRefusal(rig, () => refuse(rig, error, { repository: unborn.path }), unborn);
  });

  test('when the directory is in no repository: NOT_FOUND', async () => {
    await using rig = await Rig.setUp();
    const plain = rig.place.makeDirectory('plain');
    const error = { code: 'NOT_FOUND', kind: 'repository', name: plain };
    await expectRefusal(rig, () => refuse(rig, error, { repository: plain }));
    const refused = await rig.spawnWtd(['start', 'login', '--', 'true'], { cwd: plain }).finished();
    expect([refused.exitCode, refused.stderr]).toEqual([3, expect.stringContaining(plain)]);
  });

  test('when git refuses the branch beside one that is called "plan": GIT_FAILED', async () => {
    await using rig = await Rig.setUp();
    rig.repository.git('branch', 'plan');
    await expectRefusal(rig, () => refuse(rig, { code: 'GIT_FAILED' }));
  });

  test('when a filter fails while the files are written: GIT_FAILED, with what git said', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    repository.commit({ '.gitattributes': '*.big filter=big\n', 'a.big': 'a', 'b.txt': 'b' });
    repository.git('config', 'filter.big.required', 'true');
    repository.git('config', 'filter.big.smudge', 'echo the-filter-failed >&2; false');
    const error = { code: 'GIT_FAILED', stderr: expect.stringContaining('the-filter-failed') as unknown };
    await expectRefusal(rig, () => refuse(rig, error));
    repository.git('config', '--remove-section', 'filter.big');
    await rig.start('login', ['true']);
    expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
  });

  test('and an existing branch that was about to be attached stays where it was', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    repository.git('branch', 'plan/login');
    repository.commit({ '.gitattributes': '* filter=bad\n', 'a.txt': 'a' });
    repository.git('branch', '--force', 'plan/login', 'main');
    repository.git('config', 'filter.bad.required', 'true');
    repository.git('config', 'filter.bad.smudge', 'false');
    await expectRefusal(rig, () => refuse(rig, { code: 'GIT_FAILED' }));
    expect(repository.branches()).toContain('plan/login');
  });

  test('also when the plan itself existed before: it keeps what it said', async () => {
    await using rig = await Rig.setUp();
    rig.repository.linkWorktree('plan/login');
    await rig.call('plan.create', { name: 'login', repository: rig.repository.path, command: ['false'] });
    await expectRefusal(rig, () => refuse(rig, { code: 'BUSY' }));
    expect(await rig.call('plan.show', { plan: 'login', repository: 'shop' })).toMatchObject({
      command: ['false'],
      run: null,
      state: 'idle',
    });
  });
});

test('a worktree that was deleted by hand is made again at the next start, with its commits', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['sh', '-c', 'echo work > work.txt && git add . && git commit -qm work']);
  await rig.wait('login');
  const worktree = checkoutOf(rig, 'login');
  const tip = worktree.git('rev-parse', 'HEAD');
  rmSync(worktree.path, { recursive: true });
  await until(async () => {
    const plan = await rig.call('plan.show', { plan: 'login', repository: 'shop' });
    return plan.worktree?.conditions.includes('missing') === true && plan.warnings.length > 0;
  }, 'the plan says that its worktree is missing');

  const run = await rig.start('login', ['cat', 'work.txt']);
  expect(run.cwd).toBe(worktree.path);
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded', attempt: 2 });
  expect(worktree.git('rev-parse', 'HEAD')).toBe(tip);
  expect(worktree.git('status', '--porcelain')).toBe('');
  expect(rig.repository.worktrees()).toEqual([rig.repository.path, worktree.path]);
  await until(async () => {
    const plan = await rig.call('plan.show', { plan: 'login', repository: 'shop' });
    expect(plan).toMatchObject({ warnings: [], worktree: { conditions: [] }, git: { ahead: 1 } });
    return true;
  }, 'the plan has its worktree again');
});

test('a worktree deleted by hand and pruned from git is made again as well', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  const worktree = checkoutOf(rig, 'login');
  rig.repository.git('worktree', 'unlock', worktree.path);
  rig.repository.git('worktree', 'remove', worktree.path);
  mkdirSync(join(rig.repository.path, 'worktrees'), { recursive: true });
  await rig.start('login', ['true']);
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
  expect(worktree.git('rev-parse', '--abbrev-ref', 'HEAD')).toBe('plan/login');
});

test('a worktree whose row says that it is just being made, as in an older database, keeps the work in it', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  const worktree = checkoutOf(rig, 'login');
  worktree.write('work.txt', 'work\n');
  await whileDeadSql(rig, 'UPDATE plans SET worktree_id = NULL', "UPDATE worktrees SET state = 'creating'");
  expect(readFileSync(join(worktree.path, 'work.txt'), 'utf8')).toBe('work\n');
  expect(kindsOf(await examine(rig))).toEqual([['port_without_owner', worktree.path, false]]);

  rmSync(join(worktree.path, 'work.txt'));
  await whileDeadSql(rig, "UPDATE worktrees SET state = 'creating'");
  expect(existsSync(worktree.path), 'nothing is in it any more').toBe(false);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
});
