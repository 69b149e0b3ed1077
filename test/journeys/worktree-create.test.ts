import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Params } from '../../src/contract/index.ts';
import { footprint } from '../rig/footprint.ts';
import { Checkout, makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const create = (rig: Rig, branches: string[], more: Partial<Params<'worktree.create'>> = {}) =>
  rig.call('worktree.create', { repository: rig.repository.path, branches, ...more });

const at = (rig: Rig, name: string) => new Checkout(join(rig.repository.path, 'worktrees', name), rig.place.env);

test('worktree.create makes one worktree for each branch, with ports of its own, and tells of each', async () => {
  await using rig = await Rig.setUp();
  const { created, failed } = await create(rig, ['login', 'feature/search'], { task: 'the shop' });
  expect(failed).toEqual([]);
  expect(created).toMatchObject([
    { name: 'login', branch: 'login', base: 'main', kind: 'named', state: 'in_use', task: 'the shop', useCount: 1 },
    { name: 'feature-search', branch: 'feature/search', plan: null, lease: null, owned: true, conditions: [] },
  ]);
  expect(new Set(created.map(({ ports }) => ports?.start)).size, 'two that are made at once come in any order').toBe(2);
  for (const { path, branch } of created) {
    const worktree = new Checkout(path, rig.place.env);
    expect(worktree.git('branch', '--show-current')).toBe(branch);
    expect(worktree.git('status', '--porcelain')).toBe('');
    expect(readFileSync(join(path, 'README.md'), 'utf8')).toBe('A shop\n');
  }
  const { events } = await rig.call('event.list', { types: ['worktree.created'] });
  expect(events.map(({ worktree }) => worktree).sort()).toEqual(created.map(({ id }) => id).sort());
});

test('what fails for one branch keeps no other from its worktree', async () => {
  await using rig = await Rig.setUp();
  const linked = rig.repository.linkWorktree('elsewhere');
  rig.repository.git('branch', 'dir/taken');
  const { created, failed } = await create(rig, [
    'one',
    'a b',
    '-x',
    '@{-1}',
    '@',
    'x'.repeat(251),
    'HEAD',
    'elsewhere',
    'dir',
    'one',
    'two',
  ]);
  expect(created.map(({ branch }) => branch)).toEqual(['one', 'two']);
  expect(failed.map(({ branch, error }) => [branch, error.code])).toEqual([
    ['a b', 'INVALID_PARAMS'],
    ['-x', 'INVALID_PARAMS'],
    ['@{-1}', 'INVALID_PARAMS'],
    ['@', 'INVALID_PARAMS'],
    ['x'.repeat(251), 'INVALID_PARAMS'],
    ['HEAD', 'INVALID_PARAMS'],
    ['elsewhere', 'BUSY'],
    ['dir', 'GIT_FAILED'],
    ['one', 'ALREADY_EXISTS'],
  ]);
  expect(failed.every(({ error }) => error.hint !== '')).toBe(true);
  expect(failed[6]?.error.message).toContain(linked.path);
  expect(rig.repository.branches()).toEqual(['dir/taken', 'elsewhere', 'main', 'one', 'two']);
  expect(rig.repository.worktrees()).toHaveLength(4);
});

test('a branch that exists is attached at its tip, or refused when that was asked for', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  repository.git('switch', '--quiet', '--create', 'old');
  const tip = repository.commit({ 'old.txt': 'old\n' });
  repository.git('switch', '--quiet', 'main');
  const refused = await create(rig, ['old', 'new'], { existing: 'error' });
  expect(refused.failed).toMatchObject([{ branch: 'old', error: { code: 'ALREADY_EXISTS' } }]);
  expect(refused.created).toMatchObject([{ branch: 'new' }]);
  expect((await create(rig, ['old'])).created).toMatchObject([{ branch: 'old', conditions: [] }]);
  expect(at(rig, 'old').git('rev-parse', 'HEAD')).toBe(tip);
});

test('a new branch starts from the base that was named, else from the default branch, and is never guessed', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  const first = repository.git('rev-parse', 'HEAD');
  const second = repository.commit({ 'a.txt': 'a\n' });
  await create(rig, ['from-first'], { base: first });
  await create(rig, ['from-main']);
  expect(at(rig, 'from-first').git('rev-parse', 'HEAD')).toBe(first);
  expect(at(rig, 'from-main').git('rev-parse', 'HEAD')).toBe(second);
  const nowhere = await create(rig, ['x'], { base: 'nowhere' });
  expect(nowhere).toMatchObject({ created: [], failed: [{ error: { code: 'NOT_FOUND' } }] });

  const headless = makeRepository(rig.place, 'headless');
  headless.git('switch', '--quiet', '--detach');
  const refused = await rig.call('worktree.create', { repository: headless.path, branches: ['x', 'main'] });
  expect(refused.failed).toMatchObject(
    [{ branch: 'x', error: { code: 'INVALID_PARAMS', hint: /--default-branch/ } }].map((one) => ({
      ...one,
      error: { ...one.error, hint: expect.stringContaining('--default-branch') as string },
    })),
  );
  expect(refused.created, 'a branch that is there needs no base').toMatchObject([{ branch: 'main' }]);
});

test('a create that fails leaves nothing behind', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  repository.commit({ '.gitattributes': '*.big filter=big\n', 'a.big': 'a' });
  repository.git('config', 'filter.big.required', 'true');
  repository.git('config', 'filter.big.smudge', 'false');
  const before = await footprint(rig);
  const { created, failed } = await create(rig, ['one', 'two']);
  expect(created).toEqual([]);
  expect(failed.map(({ error }) => error.code)).toEqual(['GIT_FAILED', 'GIT_FAILED']);
  await until(async () => {
    expect({ ...(await footprint(rig)), repositories: [] }).toEqual({ ...before, repositories: [] });
    return true;
  }, 'everything is as it was');
});

test('whatever lies in the place of a worktree, or of all of them, is named and stays', async () => {
  await using rig = await Rig.setUp();
  const place = join(rig.repository.path, 'worktrees');
  writeFileSync(place, 'mine');
  const message = `${place} is no directory, so no worktree can be made in ${place}`;
  expect((await create(rig, ['login'])).failed).toMatchObject([{ error: { code: 'ALREADY_EXISTS', message } }]);
  expect(readFileSync(place, 'utf8')).toBe('mine');
  rmSync(place);
  mkdirSync(place);
  symlinkSync('nowhere', join(place, 'login'));
  expect((await create(rig, ['login'])).failed).toMatchObject([{ error: { code: 'ALREADY_EXISTS' } }]);
  expect(readlinkSync(join(place, 'login'))).toBe('nowhere');
  expect(rig.repository.git('branch', '--format=%(refname:short)')).toBe('main');
});

test('a branch that somebody makes by hand at that moment is theirs: it is refused, and stays', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  const go = join(rig.place.directory, 'go');
  repository.commit({ '.gitattributes': '*.slow filter=slow\n', 'a.slow': 'a' });
  repository.git('config', 'filter.slow.smudge', `until [ -e '${go}' ]; do sleep 0.05; done; cat`);
  const others = Array.from({ length: 8 }, (_, index) => `other-${index}`);
  const creating = create(rig, [...others, 'late']);
  await until(() => repository.worktrees().length > others.length, 'all are made that are made at once');
  repository.git('branch', 'late');
  writeFileSync(go, '');
  const { created, failed } = await creating;
  expect(created.map(({ branch }) => branch)).toEqual(others);
  expect(failed).toMatchObject([{ branch: 'late', error: { code: 'ALREADY_EXISTS' } }]);
  expect(repository.branches()).toContain('late');
  expect((await create(rig, ['late'])).created).toMatchObject([{ branch: 'late' }]);
});

test('a worktree that stands on a branch without a commit keeps it to itself', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  const linked = repository.linkWorktree('elsewhere');
  linked.git('symbolic-ref', 'HEAD', 'refs/heads/unborn');
  const { created, failed } = await create(rig, ['unborn']);
  expect(created).toEqual([]);
  expect(failed).toMatchObject([{ branch: 'unborn', error: { code: 'BUSY' } }]);
  expect(failed[0]?.error.message).toContain(linked.path);
  expect(repository.branches()).toEqual(['elsewhere', 'main']);
});

test('names that would escape or be too long become safe names of directories', async () => {
  await using rig = await Rig.setUp();
  const long = 'x'.repeat(200);
  const { created, failed } = await create(rig, [long, 'ünï/cödé', '_private', 'раураl', "it's;$(touch,here)"]);
  expect(failed).toEqual([]);
  for (const { name, path } of created) {
    expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
    expect(path).toBe(join(rig.repository.path, 'worktrees', name));
    expect(existsSync(join(path, 'README.md'))).toBe(true);
  }
});

test('wtd worktree create prints tables, exits 1 when a part failed, and as the error says when its only one did', async () => {
  await using rig = await Rig.setUp();
  const some = await rig.wtd('worktree', 'create', 'login', 'a b');
  expect(some).toMatchObject({
    exitCode: 1,
    stdout: expect.stringMatching(/STATE[^]*login[^]*NOT MADE[^]*a b/) as string,
  });
  const all = await rig.wtd('worktree', 'create', 'one', 'two', '--task', 'a task');
  expect(all).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/one[^]*a task[^]*two/) as string });
  const none = await rig.wtd('worktree', 'create', 'login', '--existing', 'error');
  expect(none).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('login') as string });
  const document = await rig.wtd('worktree', 'create', 'login', '--existing', 'error', '--json');
  expect(document.exitCode).toBe(4);
  expect(document.json()).toMatchObject({
    created: [],
    failed: [{ branch: 'login', error: { code: 'ALREADY_EXISTS' } }],
  });
});
