import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Snapshot } from '../../src/contract/models.ts';
import { finishPlan, whileDead } from '../rig/doctor.ts';
import { makeRepository, type Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { removeByHand, stateOf } from '../rig/tree-state.ts';
import { until } from '../rig/until.ts';

const take = (rig: Rig, worktree: Checkout): Promise<Snapshot> =>
  rig.call('worktree.snapshot', { worktree: worktree.path });

const refsOf = (rig: Rig): string[] =>
  rig.repository.git('for-each-ref', '--format=%(refname:lstrip=3)', 'refs/wtd/snapshots').split('\n').filter(Boolean);

/** Keeps a worktree, takes it away as somebody who knows nothing of wtd does, and makes it again. */
async function bringBack(rig: Rig, worktree: Checkout, name?: string): Promise<Checkout> {
  const { id: snapshot } = await take(rig, worktree);
  removeByHand(rig.repository, worktree);
  return worktree.at((await rig.call('worktree.restore', { snapshot, ...(name !== undefined && { name }) })).path);
}

test('a worktree that is gone comes back with branch, index, tree and untracked files', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ 'a.txt': 'a\n', 'b.txt': 'b\n', 'dir/c.txt': 'c\n' });
  const worktree = await finishPlan(rig, 'login', 'echo work > w.txt; git add w.txt; git commit -qm work');
  worktree.write('a.txt', 'staged\n');
  worktree.git('add', 'a.txt');
  worktree.write('a.txt', 'unstaged\n');
  rmSync(join(worktree.path, 'b.txt'));
  worktree.git('rm', '-q', 'dir/c.txt');
  worktree.write('deep/er/new.txt', 'new\n');
  writeFileSync(join(worktree.path, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(Buffer.from(`${worktree.path}/\u00ff\n"x`, 'latin1'), 'a name that is no UTF-8');
  symlinkSync('nowhere', join(worktree.path, 'link'));
  const before = stateOf(worktree);

  const snapshot = await take(rig, worktree);
  expect(snapshot).toMatchObject({ repository: 'shop', name: 'plan-login', branch: 'plan/login', reason: 'asked for' });
  expect(stateOf(worktree), 'nothing is touched').toEqual(before);
  const shown = await rig.call('plan.show', { plan: 'login', repository: 'shop' });
  expect(shown.worktree?.snapshot).toBe(snapshot.id);
  removeByHand(rig.repository, worktree);
  rig.repository.git('branch', '-D', 'plan/login');

  const restored = await rig.call('worktree.restore', { snapshot: snapshot.id });
  expect(restored).toMatchObject({ branch: 'plan/login', kind: 'named', state: 'in_use', conditions: ['dirty'] });
  expect(stateOf(worktree.at(restored.path))).toEqual(before);
  const told = (await rig.call('event.list', { types: ['worktree.snapshot', 'worktree.restored'] })).events;
  expect(told.map(({ type, data }) => [type, data['snapshot']])).toEqual([
    ['worktree.snapshot', snapshot.id],
    ['worktree.restored', snapshot.id],
  ]);
});

test('a merge, a rebase and a bisection go on where they were', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ 'a.txt': 'main\n' });
  const script =
    'git checkout -q HEAD~1; git checkout -qB plan/login; echo ours > a.txt; git add .; git commit -qm ours';
  const first = await finishPlan(rig, 'login', script);
  expect(() => first.git('merge', 'main')).toThrow();
  const merging = stateOf(first);
  const merged = await bringBack(rig, first);
  expect(stateOf(merged)).toEqual(merging);
  merged.commit({ 'a.txt': 'both\n' }, 'Merge');
  expect(merged.git('log', '-1', '--format=%P').split(' ')).toHaveLength(2);

  merged.git('reset', '--quiet', '--hard', 'HEAD^1');
  expect(() => merged.git('rebase', 'main')).toThrow();
  const rebasing = stateOf(merged);
  const rebased = await bringBack(rig, merged);
  expect(stateOf(rebased)).toEqual(rebasing);
  rebased.write('a.txt', 'both\n');
  rebased.git('add', 'a.txt');
  rebased.git('-c', 'core.editor=true', 'rebase', '--continue');
  expect(rebased.git('symbolic-ref', '--short', 'HEAD')).toBe('plan/login');
  expect(rebased.git('log', '--format=%s', 'main..')).toBe('ours');

  rebased.git('bisect', 'start');
  rebased.git('bisect', 'bad');
  const bisecting = await bringBack(rig, rebased);
  expect(bisecting.git('bisect', 'good', 'main~1')).toContain('Bisecting');
});

test('an index that is split, unmerged or missing is kept as it is', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  worktree.write('new.txt', 'new\n');
  worktree.git('add', 'new.txt');
  worktree.git('update-index', '--split-index');
  const split = stateOf(worktree);
  const again = await bringBack(rig, worktree);
  expect(stateOf(again)).toEqual(split);
  rmSync(again.git('rev-parse', '--path-format=absolute', '--git-path', 'index'));
  const missing = stateOf(again);
  expect(stateOf(await bringBack(rig, again))).toEqual(missing);
});

test('what was staged comes back when the directory of the worktree was gone already', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  worktree.write('work.txt', 'work\n');
  worktree.git('add', 'work.txt');
  worktree.git('rm', '-q', 'README.md');
  const staged = stateOf(worktree);
  rmSync(worktree.path, { recursive: true });
  expect(stateOf(await bringBack(rig, worktree))).toEqual(staged);
});

test('what no snapshot can hold is refused with all of it, and nothing is written', async () => {
  await using rig = await Rig.setUp();
  const library = makeRepository(rig.place, 'library');
  const worktree = await finishPlan(rig, 'login');
  worktree.git('-c', 'protocol.file.allow=always', 'submodule', 'add', '--quiet', library.path, 'library');
  worktree.git('commit', '--quiet', '--message', 'A library');
  await take(rig, worktree);
  worktree.at(join(worktree.path, 'library')).commit({ 'more.txt': 'more\n' });
  worktree.git('add', 'library');
  worktree.git('commit', '--quiet', '--message', 'A commit of the library that nobody else has');
  worktree.at(worktree.path).write('inner/file.txt', 'inner\n');
  worktree.at(join(worktree.path, 'inner')).git('init', '--quiet');
  rmSync(join(worktree.path, 'README.md'));
  execFileSync('mkfifo', [join(worktree.path, 'README.md')]);
  const refs = refsOf(rig);
  const refusal = await rig.refusal('worktree.snapshot', { worktree: worktree.path });
  const blockers = refusal['blockers'] as { code: string }[];
  expect(refusal.code).toBe('UNSAFE');
  expect(blockers.map(({ code }) => code)).toEqual(['embedded_repository', 'submodule', 'special_file']);
  expect(refsOf(rig)).toEqual(refs);
  worktree.git('checkout', '--quiet', '--orphan', 'empty');
  expect(await rig.refusal('worktree.snapshot', { worktree: worktree.path })).toMatchObject({
    code: 'UNSAFE',
    blockers: [{ code: 'unborn' }],
  });
});

test('a branch that moved on or is in use is left alone, and a name makes a branch of its own', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  worktree.write('new.txt', 'new\n');
  const { id: snapshot } = await take(rig, worktree);
  expect(await rig.refusal('worktree.restore', { snapshot })).toMatchObject({ code: 'BUSY', holder: worktree.path });
  const named = await rig.call('worktree.restore', { snapshot, name: 'second' });
  expect(named).toMatchObject({ name: 'second', branch: 'second' });
  expect(readFileSync(join(named.path, 'new.txt'), 'utf8')).toBe('new\n');
  expect(await rig.refusal('worktree.restore', { snapshot, name: 'second' })).toMatchObject({ code: 'ALREADY_EXISTS' });
  worktree.commit({ 'more.txt': 'more\n' });
  removeByHand(rig.repository, worktree);
  const moved = await rig.refusal('worktree.restore', { snapshot });
  expect(moved).toMatchObject({ code: 'ALREADY_EXISTS', name: 'plan/login' });
  expect(moved.hint).toContain('--name');
  expect(await rig.refusal('worktree.restore', { snapshot: 'none' })).toMatchObject({ code: 'NOT_FOUND' });
  expect(await rig.refusal('worktree.snapshot', { worktree: 'secnd', repository: 'shop' })).toMatchObject({
    code: 'NOT_FOUND',
    hint: expect.stringContaining('second') as string,
  });
});

test('a restore that fails leaves nothing behind but the snapshot', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  worktree.write('new.txt', 'new\n');
  const { id: snapshot, commit } = await take(rig, worktree);
  const blob = rig.repository.git('rev-parse', `${commit}:worktree/new.txt`);
  rmSync(join(rig.repository.path, '.git', 'objects', blob.slice(0, 2), blob.slice(2)));
  const before = [rig.repository.worktrees(), rig.repository.branches()];
  await expect(rig.call('worktree.restore', { snapshot, name: 'second' })).rejects.toThrow();
  expect([rig.repository.worktrees(), rig.repository.branches()]).toEqual(before);
  rig.repository.at(rig.repository.path).git('hash-object', '-w', join(worktree.path, 'new.txt'));
  expect(await rig.call('worktree.restore', { snapshot, name: 'second' })).toMatchObject({ branch: 'second' });
});

test('the command line takes, lists and restores snapshots', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  expect((await rig.wtd('worktree', 'snapshots')).stdout).toBe('no snapshots\n');
  const taken = await rig.wtd('worktree', 'snapshot', 'plan/login', '--reason', 'lunch', '--json');
  const { id } = taken.json() as Snapshot;
  const { stdout } = await rig.wtd('worktree', 'snapshots');
  expect(stdout).toMatch(/SNAPSHOT +REPOSITORY +WORKTREE +BRANCH +SINCE +REASON/);
  expect(stdout).toMatch(new RegExp(`${id} +shop +plan-login +plan/login +\\S+ +lunch`));
  expect((await rig.wtd('worktree', 'restore', id)).exitCode).toBe(9);
  const restored = await rig.wtd('worktree', 'restore', id, '--name', 'second', '--json');
  expect(restored.json()).toMatchObject({ name: 'second', path: join(worktree.path, '..', 'second') });
});

test('snapshots are known again when the database was lost, and gone when git has them no more', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  const kept = await take(rig, worktree);
  await whileDead(rig, () => {
    for (const name of readdirSync(rig.place.home)) {
      if (name.startsWith('wtd.db')) rmSync(join(rig.place.home, name));
    }
  });
  await rig.call('repository.add', { path: rig.repository.path }).catch(() => undefined);
  expect((await rig.call('worktree.snapshots', {})).snapshots).toMatchObject([{ id: kept.id, commit: kept.commit }]);
  removeByHand(rig.repository, worktree);
  expect(await rig.call('worktree.restore', { snapshot: kept.id })).toMatchObject({ branch: 'plan/login' });
  rig.repository.git('update-ref', '-d', `refs/wtd/snapshots/${kept.id}`);
  expect(await rig.call('worktree.snapshots', {})).toEqual({ snapshots: [] });
});

test('snapshots are kept as long as the configuration says', async () => {
  const config = { schedule: { cleanup: '* * * * * *' }, snapshots: { keep: '0s' } };
  await using rig = await Rig.setUp({ config: { ...config, snapshots: { keep: '1d' } } });
  const worktree = await finishPlan(rig, 'login');
  const { id } = await take(rig, worktree);
  expect(refsOf(rig)).toEqual([id]);
  rig.place.configure(config);
  await rig.call('daemon.reload', {});
  await until(() => refsOf(rig).length === 0, 'the snapshot is forgotten');
  await until(async () => (await rig.call('worktree.snapshots', {})).snapshots.length === 0, 'its row as well');
});
