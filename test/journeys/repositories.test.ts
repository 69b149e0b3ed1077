import { mkdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Repository } from '../../src/contract/models.ts';
import { name as nameSchema } from '../../src/contract/parameters.ts';
import { Checkout, makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

test('a repository is added, listed, shown and forgotten from the command line, and its files stay', async () => {
  await using rig = await Rig.setUp();
  const added = (await rig.wtd('repo', 'add', '.', '--description', 'Sells things', '--json')).json() as Repository;
  expect(added).toMatchObject({
    name: 'shop',
    path: rig.repository.path,
    commonDir: join(rig.repository.path, '.git'),
    defaultBranch: 'main',
    description: 'Sells things',
    channels: [],
    trusted: false,
  });
  expect(added.addedAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

  expect((await rig.wtd('repo', 'list', '--json')).json()).toEqual({ repositories: [added] });
  expect((await rig.wtd('repository', 'show', 'shop', '--json')).json()).toEqual(added);
  expect((await rig.wtd('repo', 'list')).stdout).toContain('Sells things');

  const before = rig.repository.git('status', '--porcelain');
  const removed = await rig.wtd('repo', 'remove', 'shop', '--json');
  expect([removed.exitCode, removed.json()]).toEqual([0, { removed: true }]);
  expect((await rig.wtd('repo', 'list', '--json')).json()).toEqual({ repositories: [] });
  expect(rig.repository.git('status', '--porcelain')).toBe(before);
});

test('a repository is the same by name, by id, and by any path into any of its worktrees', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  repository.write('src/deep/file.ts', '');
  const linked = repository.linkWorktree('topic');
  linked.write('lib/file.ts', '');
  symlinkSync(repository.path, join(rig.place.directory, 'link'));
  const added = await rig.call('repository.add', { path: join(linked.path, 'lib'), name: 'store' });
  expect(added).toMatchObject({ name: 'store', path: repository.path, commonDir: join(repository.path, '.git') });

  for (const way of [
    'store',
    added.id,
    repository.path,
    `${repository.path}/`,
    join(repository.path, 'src', 'deep'),
    join(repository.path, '.git'),
    linked.path,
    join(linked.path, 'lib'),
    join(rig.place.directory, 'link', 'src'),
  ]) {
    expect(await rig.call('repository.show', { repository: way }), way).toEqual(added);
  }
  expect(await rig.refusal('repository.add', { path: repository.path })).toMatchObject({
    code: 'ALREADY_EXISTS',
    name: 'store',
  });
  expect(await rig.refusal('repository.add', { path: linked.path, name: 'other' })).toMatchObject({
    code: 'ALREADY_EXISTS',
  });
});

test('repository.remove takes a name, an id, and any path into any worktree', async () => {
  await using rig = await Rig.setUp();
  rig.repository.write('src/file.ts', '');
  const linked = rig.repository.linkWorktree('topic');
  const ways: ((added: Repository) => string)[] = [
    ({ name }) => name,
    ({ id }) => id,
    ({ path }) => path,
    ({ path }) => join(path, 'src'),
    () => linked.path,
  ];
  for (const way of ways) {
    const added = await rig.call('repository.add', { path: rig.repository.path });
    expect(await rig.call('repository.remove', { repository: way(added) })).toEqual({ removed: true });
    expect(await rig.call('repository.list', {})).toEqual({ repositories: [] });
  }
});

test('a repository becomes known when it is first used from a path, and only then', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  repository.write('src/file.ts', '');
  await rig.wtd('status');
  await rig.wtd('plan', 'list');
  expect(await rig.refusal('plan.show', { plan: 'login', cwd: repository.path })).toMatchObject({ code: 'NOT_FOUND' });
  expect(await rig.call('repository.list', {})).toEqual({ repositories: [] });

  const started = await rig
    .spawnWtd(['start', 'login', '--', 'true'], { cwd: join(repository.path, 'src') })
    .finished();
  expect(started.exitCode).toBe(0);
  await rig.call('plan.create', { name: 'search', repository: makeRepository(rig.place, 'blog').path });
  const { repositories } = await rig.call('repository.list', {});
  expect(repositories.map(({ name, path }) => [name, path])).toEqual([
    ['blog', join(rig.place.directory, 'repositories', 'blog')],
    ['shop', repository.path],
  ]);
});

test('starts in a new repository at once make it known once', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 8 } } });
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((plan) => rig.start(plan, ['true'])));
  const { repositories } = await rig.call('repository.list', {});
  expect(repositories.map(({ name }) => name)).toEqual(['shop']);
});

test('a bare repository is known by its own directory and its plans run beside it', async () => {
  await using rig = await Rig.setUp();
  const bare = makeRepository(rig.place, 'blog.git', 'bare');
  expect(await rig.call('repository.add', { path: bare.path })).toMatchObject({
    name: 'blog',
    path: bare.path,
    commonDir: bare.path,
    defaultBranch: 'main',
  });
  const run = await rig.start('login', ['git', 'status'], { repository: 'blog' });
  expect(run.cwd).toBe(join(rig.place.directory, 'repositories', 'blog-worktrees', 'plan-login'));
  const ended = await rig.call('plan.wait', { plan: 'login', repository: 'blog' });
  expect(ended.state).toBe('succeeded');
  expect(await rig.call('repository.show', { repository: run.cwd ?? '' })).toMatchObject({ name: 'blog' });
});

test('a checkout whose git directory lies elsewhere is known by the checkout', async () => {
  await using rig = await Rig.setUp();
  const elsewhere = rig.place.makeDirectory('git-directories');
  const checkout = new Checkout(join(rig.place.directory, 'repositories', 'blog'), rig.place.env);
  rig.repository.git('clone', '--quiet', `--separate-git-dir=${elsewhere}/blog.git`, '.', checkout.path);
  expect(await rig.call('repository.add', { path: checkout.path })).toMatchObject({
    name: 'blog',
    path: checkout.path,
    commonDir: `${elsewhere}/blog.git`,
  });
  const run = await rig.start('login', ['true'], { repository: checkout.path });
  expect(run.cwd).toBe(join(checkout.path, 'worktrees', 'plan-login'));
});

test('a submodule is a repository of its own, known by its checkout', async () => {
  await using rig = await Rig.setUp();
  const library = makeRepository(rig.place, 'library');
  rig.repository.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library.path, 'vendor');
  const path = join(rig.repository.path, 'vendor');
  expect(await rig.call('repository.add', { path })).toMatchObject({ name: 'vendor', path });
  expect(await rig.call('repository.add', { path: rig.repository.path })).toMatchObject({ name: 'shop' });
});

test('a directory with an odd name gives a repository a name that is safe everywhere', async () => {
  await using rig = await Rig.setUp();
  const directories = [
    'My Shop (old)',
    'Grüße & Söhne',
    '....',
    '.hidden.',
    '-rf',
    'a..b',
    'x.lock',
    'x.lock.lock',
    'x.lock.',
    '日本語',
    'a'.repeat(200),
    "it's; rm -rf $HOME",
    'line\nbreak',
  ];
  for (const directory of directories) {
    const repository = makeRepository(rig.place, directory);
    const added = await rig.call('repository.add', { path: repository.path });
    expect.soft(nameSchema.safeParse(added.name).success, `${directory} became ${added.name}`).toBe(true);
    const run = await rig.start('login', ['true'], { repository: repository.path });
    expect(run.cwd).toBe(join(repository.path, 'worktrees', 'plan-login'));
    expect(await rig.call('plan.wait', { run: run.id })).toMatchObject({ state: 'succeeded' });
  }
  const names = (await rig.call('repository.list', {})).repositories.map(({ name }) => name);
  expect(new Set(names).size).toBe(directories.length);
});

test('two directories of one name are told apart, and a name that is taken is refused', async () => {
  await using rig = await Rig.setUp();
  const second = makeRepository(rig.place, 'elsewhere/shop');
  const third = makeRepository(rig.place, 'third');
  await rig.call('repository.add', { path: rig.repository.path });
  expect(await rig.call('repository.add', { path: second.path })).toMatchObject({ name: 'shop-2' });
  expect(await rig.refusal('repository.add', { path: third.path, name: 'shop-2' })).toMatchObject({
    code: 'ALREADY_EXISTS',
    name: 'shop-2',
  });
  expect((await rig.call('repository.list', {})).repositories).toHaveLength(2);
});

test('remove refuses a repository with plans and names each of them', async () => {
  await using rig = await Rig.setUp();
  const run = await rig.start('login', ['true']);
  await rig.wait('login');
  await rig.call('plan.create', { name: 'search', repository: 'shop' });
  expect(await rig.refusal('repository.remove', { repository: 'shop' })).toMatchObject({
    code: 'UNSAFE',
    blockers: [
      { code: 'plan', message: expect.stringContaining('login') as unknown },
      { code: 'plan', message: expect.stringContaining('search') as unknown },
      { code: 'worktree', message: expect.stringContaining(run.cwd ?? '?') as unknown },
    ],
  });
  const refused = await rig.wtd('repo', 'remove', 'shop', '--json');
  expect([refused.exitCode, refused.json()]).toMatchObject([7, { error: { code: 1007, data: { code: 'UNSAFE' } } }]);
  expect((await rig.call('plan.list', {})).plans).toHaveLength(2);

  for (const plan of ['login', 'search']) await rig.call('plan.remove', { plan, repository: 'shop' });
  expect(await rig.call('repository.remove', { repository: 'shop' })).toEqual({ removed: true });
  await until(() => !rig.repository.git('worktree', 'list').includes('plan-login'), 'the worktree is gone');
});

test('several repositories and nothing that says which one is AMBIGUOUS, with the candidates', async () => {
  await using rig = await Rig.setUp();
  const blog = makeRepository(rig.place, 'blog');
  await rig.call('plan.create', { name: 'login', repository: rig.repository.path });
  expect(await rig.call('plan.show', { plan: 'login' }), 'the only one').toMatchObject({ repository: 'shop' });
  await rig.call('repository.add', { path: blog.path });

  const refused = await rig.refusal('plan.show', { plan: 'login' });
  expect(refused).toMatchObject({ code: 'AMBIGUOUS', candidates: [{ repository: 'blog' }, { repository: 'shop' }] });
  const outside = await rig.spawnWtd(['plan', 'show', 'login'], { cwd: rig.place.directory }).finished();
  expect(outside.exitCode).toBe(15);
  expect(outside.stderr).toContain('--repo');
  const inside = await rig
    .spawnWtd(['plan', 'show', 'login', '--repo', 'shop'], { cwd: rig.place.directory })
    .finished();
  expect(inside.exitCode).toBe(0);
});

describe('what is not there is NOT_FOUND', () => {
  test('with near names for a name that was mistyped', async () => {
    await using rig = await Rig.setUp();
    await rig.call('repository.add', { path: rig.repository.path });
    expect(await rig.refusal('repository.show', { repository: 'shpo' })).toMatchObject({
      code: 'NOT_FOUND',
      kind: 'repository',
      name: 'shpo',
      hint: expect.stringContaining('shop') as unknown,
    });
    const refused = await rig.wtd('repo', 'show', 'shpo');
    expect([refused.exitCode, refused.stderr]).toEqual([3, expect.stringContaining('did you mean shop?')]);
  });

  test('for a directory outside any repository, one that does not exist, and a file', async () => {
    await using rig = await Rig.setUp();
    rig.repository.write('file.txt', '');
    mkdirSync(join(rig.place.directory, 'plain'));
    for (const path of [join(rig.place.directory, 'plain'), '/nonexistent/directory', '/dev/null']) {
      expect(await rig.refusal('repository.add', { path }), path).toMatchObject({
        code: 'NOT_FOUND',
        kind: 'repository',
        message: expect.stringContaining(basename(path)) as unknown,
      });
    }
    expect(await rig.call('repository.list', {})).toEqual({ repositories: [] });
  });

  test('for a repository that is not known yet, which asking does not change', async () => {
    await using rig = await Rig.setUp();
    for (const method of ['repository.show', 'repository.remove'] as const) {
      expect(await rig.refusal(method, { repository: rig.repository.path })).toMatchObject({
        code: 'NOT_FOUND',
        hint: expect.stringContaining('wtd repo add') as unknown,
      });
    }
    expect(await rig.call('repository.list', {})).toEqual({ repositories: [] });
  });
});
