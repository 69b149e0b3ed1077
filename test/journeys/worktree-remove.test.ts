import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Params } from '../../src/contract/index.ts';
import { isAlive } from '../rig/processes.ts';
import { Checkout, makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { stateOf } from '../rig/tree-state.ts';
import { until } from '../rig/until.ts';

const address = (worktree: string) => ({ worktree, repository: 'shop' });
const remove = (rig: Rig, worktree: string, more: Partial<Params<'worktree.remove'>> = {}) =>
  rig.call('worktree.remove', { ...address(worktree), ...more });
const refuse = (rig: Rig, worktree: string, more: Partial<Params<'worktree.remove'>> = {}) =>
  rig.refusal('worktree.remove', { ...address(worktree), ...more });
const codes = (blockers: unknown) => (blockers as { code: string }[]).map(({ code }) => code).sort();

async function make(rig: Rig, branch: string): Promise<Checkout> {
  const { created } = await rig.call('worktree.create', { repository: rig.repository.path, branches: [branch] });
  return new Checkout(created[0]?.path ?? '', rig.place.env);
}

/** What a snapshot has of a file. */
const kept = (rig: Rig, commit: string) => rig.repository.git('ls-tree', '-r', '--name-only', commit);

test('a clean worktree goes with its empty branch and its ports, after a snapshot', async () => {
  await using rig = await Rig.setUp();
  const worktree = await make(rig, 'login');
  const removed = await remove(rig, 'login');
  expect(removed).toMatchObject({
    removed: true,
    blockers: [],
    branchDeleted: true,
    directoryClean: true,
    warnings: [],
    snapshot: { repository: 'shop', branch: 'login', name: 'login' },
  });
  expect(rig.repository.git('rev-parse', '--verify', `refs/wtd/snapshots/${removed.snapshot?.id ?? ''}`)).toBe(
    removed.snapshot?.commit,
  );
  expect(existsSync(worktree.path)).toBe(false);
  expect(rig.repository.branches()).toEqual(['main']);
  await until(() => !existsSync(join(rig.repository.path, 'worktrees')), 'the trash is emptied');
  expect(await refuse(rig, 'login')).toMatchObject({ code: 'NOT_FOUND' });
  const { worktrees } = await rig.call('worktree.list', { repository: 'shop', all: true });
  expect(worktrees).toMatchObject([{ state: 'removed', snapshot: removed.snapshot?.id }]);
});

test('everything that would be lost is told at once, by a refusal and by a dry run, and nothing changes', async () => {
  await using rig = await Rig.setUp();
  const { child } = await rig.startSteered('login');
  const worktree = new Checkout(join(rig.repository.path, 'worktrees', 'plan-login'), rig.place.env);
  worktree.commit({ 'work.txt': 'work\n' });
  worktree.git('-c', 'sequence.editor=sed -i 1s/pick/edit/', 'rebase', '--quiet', '-i', 'HEAD~1');
  worktree.write('README.md', 'changed\n');
  worktree.write('new.txt', 'new\n');
  const all = ['active_run', 'operation', 'uncommitted', 'unmerged', 'untracked'];
  const refused = await refuse(rig, 'plan-login', { deleteBranch: true });
  expect(codes(refused['blockers'])).toEqual(all);
  const dry = await remove(rig, 'plan-login', { deleteBranch: true, dryRun: true, force: true });
  expect(codes(dry.blockers)).toEqual(all);
  expect(dry).toMatchObject({ removed: false, snapshot: null, branchDeleted: false, directoryClean: false });
  expect(worktree.git('status', '--porcelain')).toBe(' M README.md\n?? new.txt');
  const shown = await rig.wtd('worktree', 'cleanup', 'plan-login', '--dry-run');
  expect(shown.stdout).toMatch(/in the way[^]*1 untracked file/);
  const stopped = await rig.wtd('worktree', 'cleanup', 'plan-login');
  expect([stopped.exitCode, stopped.stderr]).toEqual([7, expect.stringContaining('--force')]);
  await child.exit(0);
});

test('force removes nevertheless: it stops the run, and keeps everything in a snapshot', async () => {
  await using rig = await Rig.setUp();
  const { run } = await rig.startSteered('login');
  const worktree = new Checkout(join(rig.repository.path, 'worktrees', 'plan-login'), rig.place.env);
  const tip = worktree.commit({ 'work.txt': 'work\n' });
  worktree.write('new.txt', 'new\n');
  const removed = await remove(rig, 'plan-login', { force: true, deleteBranch: true });
  expect(codes(removed.blockers)).toEqual(['active_run', 'unmerged', 'untracked']);
  expect(removed).toMatchObject({ removed: true, branchDeleted: true, directoryClean: true });
  expect(await rig.call('run.show', { run: run.id })).toMatchObject({ state: 'stopped' });
  const commit = removed.snapshot?.commit ?? '';
  expect(kept(rig, commit)).toContain('new.txt');
  rig.repository.git('merge-base', '--is-ancestor', tip, commit);
  expect(rig.repository.branches()).toEqual(['main']);
  const { worktrees } = await rig.call('worktree.list', { repository: 'shop', all: true });
  expect(worktrees).toMatchObject([{ state: 'removed', declared: 'abandoned' }]);
  const again = await rig.start('login', ['true']);
  expect(again.attempt).toBe(2);
});

test('force keeps a file whose name is no UTF-8, and it comes back', async () => {
  await using rig = await Rig.setUp();
  const worktree = await make(rig, 'login');
  writeFileSync(Buffer.from(`${worktree.path}/no utf-8 \u00ff`, 'latin1'), 'kept');
  const before = stateOf(worktree);
  expect(codes((await refuse(rig, 'login'))['blockers'])).toEqual(['untracked']);
  const removed = await remove(rig, 'login', { force: true });
  expect(removed).toMatchObject({ removed: true, directoryClean: true });
  const restored = await rig.call('worktree.restore', { snapshot: removed.snapshot?.id ?? '' });
  expect(stateOf(worktree.at(restored.path))).toEqual(before);
});

test('what an ended run left alive is ended with its worktree, and nobody else', async () => {
  await using rig = await Rig.setUp();
  const { child } = await rig.startSteered('login');
  const { child: other } = await rig.startSteered('other');
  const [escaped, stranger] = [await child.forkEscaped(), await other.forkEscaped()];
  await child.exit(0);
  await rig.wait('login');
  expect(isAlive(escaped)).toBe(true);
  await remove(rig, 'plan-login');
  await until(() => !isAlive(escaped), 'what the run left is ended');
  expect(isAlive(stranger)).toBe(true);
  await other.exit(0);
});

test('a branch with commits of its own stays, unless it is merged or its deletion is forced', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  for (const branch of ['kept', 'merged', 'squashed', 'tagged']) (await make(rig, branch)).commit({ [branch]: 'x' });
  expect(await remove(rig, 'kept')).toMatchObject({ removed: true, branchDeleted: false });
  expect(repository.branches()).toContain('kept');
  repository.git('merge', '--quiet', '--no-ff', '--message', 'Merge', 'merged');
  repository.git('merge', '--quiet', '--squash', 'squashed');
  repository.git('commit', '--quiet', '--message', 'Squashed');
  repository.git('tag', 'saved', 'tagged');
  for (const branch of ['merged', 'squashed', 'tagged']) {
    expect(await remove(rig, branch, { deleteBranch: true }), branch).toMatchObject({
      branchDeleted: true,
      blockers: [],
    });
  }
  expect(repository.branches()).toEqual(['kept', 'main']);
  const { worktrees } = await rig.call('worktree.list', { repository: 'shop', all: true });
  expect(Object.fromEntries(worktrees.map(({ name, declared }) => [name, declared]))).toEqual({
    kept: 'active',
    merged: 'merged',
    squashed: 'merged',
    tagged: 'active',
  });
});

test('commits that are not pushed are told when the branch is to go', async () => {
  await using rig = await Rig.setUp();
  const remote = join(rig.place.directory, 'remote.git');
  rig.repository.git('clone', '--quiet', '--bare', '.', remote);
  rig.repository.git('remote', 'add', 'origin', remote);
  const worktree = await make(rig, 'login');
  worktree.commit({ 'a.txt': 'a\n' });
  worktree.git('push', '--quiet', '--set-upstream', 'origin', 'login');
  worktree.commit({ 'b.txt': 'b\n' });
  expect(codes((await refuse(rig, 'login', { deleteBranch: true }))['blockers'])).toEqual(['unmerged', 'unpushed']);
  worktree.git('push', '--quiet');
  expect(await remove(rig, 'login', { deleteBranch: true })).toMatchObject({ branchDeleted: true });
});

test('force overrides neither the lock of somebody else, nor a lease, nor what no snapshot can keep', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  const locked = await make(rig, 'locked');
  repository.git('worktree', 'unlock', locked.path);
  repository.git('worktree', 'lock', '--reason', 'mine', locked.path);
  expect(codes((await refuse(rig, 'locked', { force: true }))['blockers'])).toEqual(['locked']);

  const unlinked = await make(rig, 'unlinked');
  rmSync(unlinked.path, { recursive: true });
  mkdirSync(unlinked.path);
  expect(codes((await refuse(rig, 'unlinked', { force: true }))['blockers'])).toEqual(['unverified']);

  await rig.call('pool.acquire', { repository: repository.path, name: 'leased', holder: 'ada' });
  expect(await refuse(rig, 'leased', { force: true })).toMatchObject({ code: 'BUSY', holder: 'ada' });
  expect(repository.worktrees()).toHaveLength(4);
});

test('repositories in a worktree stay with it, also those that git says nothing of', async () => {
  await using rig = await Rig.setUp();
  const library = makeRepository(rig.place, 'library');
  rig.repository.commit({ 'part/a.txt': 'a\n' });
  const nested = await make(rig, 'nested');
  const part = nested.at(join(nested.path, 'part'));
  part.git('init', '--quiet');
  part.commit({ 'a.txt': 'a\n' });
  expect(nested.git('status', '--porcelain')).toBe('');

  const linked = await make(rig, 'linked');
  linked.git('-c', 'protocol.file.allow=always', 'submodule', 'add', '--quiet', library.path, 'library');
  linked.git('commit', '--quiet', '--message', 'A library');
  linked.at(join(linked.path, 'library')).commit({ 'more.txt': 'more\n' });
  linked.git('submodule', 'deinit', '--quiet', '--force', 'library');
  expect(linked.git('status', '--porcelain')).toBe('');

  for (const [name, code] of Object.entries({ nested: 'embedded_repository', linked: 'submodule' })) {
    expect(codes((await remove(rig, name, { dryRun: true })).blockers)).toEqual([code]);
    expect(codes((await refuse(rig, name))['blockers'])).toEqual([code]);
    expect(await refuse(rig, name, { force: true })).toMatchObject({
      code: 'UNSAFE',
      hint: expect.stringContaining('force does not help') as string,
    });
  }
  expect(rig.repository.worktrees()).toHaveLength(3);
});

test('of a worktree whose directory is gone force keeps what git has of it', async () => {
  await using rig = await Rig.setUp();
  const worktree = await make(rig, 'login');
  const head = worktree.commit({ 'work.txt': 'work\n' });
  worktree.write('staged.txt', 'staged\n');
  worktree.git('add', 'staged.txt');
  rmSync(worktree.path, { recursive: true });
  expect(await refuse(rig, 'login')).toMatchObject({
    code: 'UNSAFE',
    blockers: [{ code: 'uncommitted' }],
    hint: expect.stringContaining('worktree repair') as string,
  });
  const removed = await remove(rig, 'login', { force: true, deleteBranch: true });
  expect(removed).toMatchObject({ removed: true, branchDeleted: true, directoryClean: true });
  expect(codes(removed.blockers)).toEqual(['uncommitted', 'unmerged']);
  const restored = worktree.at((await rig.call('worktree.restore', { snapshot: removed.snapshot?.id ?? '' })).path);
  expect(restored.git('rev-parse', 'login')).toBe(head);
  expect(restored.git('status', '--porcelain')).toBe('A  staged.txt');
});

test('a branch that is checked out elsewhere stays, and that is said', async () => {
  await using rig = await Rig.setUp();
  const worktree = await make(rig, 'login');
  worktree.git('switch', '--quiet', '--detach');
  const linked = new Checkout(join(rig.place.directory, 'linked'), rig.place.env);
  rig.repository.git('worktree', 'add', '--quiet', linked.path, 'login');
  expect(await remove(rig, 'login', { deleteBranch: true })).toMatchObject({
    branchDeleted: false,
    warnings: [expect.stringContaining(linked.path)],
  });
  expect(rig.repository.branches()).toContain('login');
});

test('work that comes in while it is removed by force is kept as well, or the worktree stays', async () => {
  await using rig = await Rig.setUp();
  const worktree = await make(rig, 'login');
  worktree.write('first.txt', 'first\n');
  const writer = `i=0; while [ -d . ] && [ $i -lt 400 ]; do i=$((i+1)); echo $i > f$i.txt 2>/dev/null || exit; sleep 0.01; done`;
  const writing = import('node:child_process').then(({ spawn }) => {
    const child = spawn('sh', ['-c', writer], { cwd: worktree.path, stdio: 'ignore' });
    return new Promise((resolve) => child.once('exit', resolve));
  });
  await until(() => existsSync(join(worktree.path, 'f3.txt')), 'somebody writes');
  const outcome = await remove(rig, 'login', { force: true }).catch((error: unknown) => error as Error);
  await writing;
  if (outcome instanceof Error) {
    expect(outcome).toMatchObject({ data: { code: 'BUSY' } });
    expect(existsSync(join(worktree.path, 'first.txt'))).toBe(true);
  } else expect(kept(rig, outcome.snapshot?.commit ?? '')).toContain('first.txt');
  expect(execFileSync('git', ['fsck', '--no-dangling'], { cwd: rig.repository.path, encoding: 'utf8' })).toBe('');
  expect(await remove(rig, 'login', { force: true }).catch(() => 'gone')).toBeTruthy();
});
