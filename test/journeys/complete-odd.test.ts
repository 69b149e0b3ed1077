import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { complete, donePlan, leaveTarget, refuses, showPlan, stateOf } from '../rig/homecoming.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

describe('a target that somebody is in the middle of changing', () => {
  test('is not moved under a rebase of it', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    await donePlan(rig, 'login');
    repository.commit({ 'more.txt': 'more\n' }, 'More');
    expect(() => repository.git('rebase', '--exec', 'false', 'HEAD~1')).toThrow();
    const before = await stateOf(rig, 'login');
    const refusal = await refuses(rig, 'login');
    expect(refusal).toMatchObject({ code: 'UNSAFE', blockers: [{ code: 'target_busy' }] });
    expect(await refuses(rig, 'login', { dryRun: true })).toEqual(refusal);
    expect(await stateOf(rig, 'login')).toEqual(before);
    repository.git('rebase', '--abort');
    expect(await complete(rig, 'login')).toMatchObject({ merged: true });
  });

  test('is not moved where it is checked out twice', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    await donePlan(rig, 'login');
    const twin = `${repository.path}-twin`;
    repository.git('worktree', 'add', '--quiet', '--force', twin, 'main');
    const refusal = await refuses(rig, 'login');
    expect(refusal).toMatchObject({ code: 'UNSAFE', blockers: [{ code: 'target_busy' }] });
    expect(refusal.message).toContain(twin);
    repository.git('worktree', 'remove', twin);
    expect(await complete(rig, 'login')).toMatchObject({ merged: true });
  });

  test('is not moved under a merge into it', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    await donePlan(rig, 'login');
    repository.git('branch', 'other');
    repository.commit({ 'more.txt': 'more\n' }, 'More');
    repository.git('switch', '--quiet', 'other');
    repository.commit({ 'other.txt': 'other\n' }, 'Other');
    repository.git('switch', '--quiet', 'main');
    repository.git('merge', '--quiet', '--no-commit', '--no-ff', 'other');
    const before = await stateOf(rig, 'login');
    const refusal = await refuses(rig, 'login');
    expect(refusal).toMatchObject({ code: 'UNSAFE', blockers: [{ code: 'target_busy' }] });
    expect(await stateOf(rig, 'login')).toEqual(before);
    repository.git('commit', '--quiet', '--no-edit');
    expect(await complete(rig, 'login')).toMatchObject({ merged: true });
  });
});

test('options that are configured for merges into the target change nothing', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  await donePlan(rig, 'login');
  repository.git('config', 'branch.main.mergeOptions', '--squash --no-commit --stat');
  repository.git('config', 'pull.twohead', 'ours');
  const { commit } = await complete(rig, 'login');
  expect(repository.git('rev-parse', 'main')).toBe(commit);
  expect(repository.git('status', '--porcelain')).toBe('');
});

test.each(['archive', 'archive/plan', 'archive/plan/a'])('a tag %s does not stand in the way', async (tag) => {
  await using rig = await Rig.setUp({ config: { worktrees: { branch_prefix: 'plan/a/' } } });
  const { repository } = rig;
  repository.git('tag', tag);
  await rig.start('b', ['true']);
  await rig.wait('b');
  const { worktree } = await showPlan(rig, 'b');
  repository.at(worktree?.path ?? '').commit({ 'b.txt': 'b\n' });
  const { archive } = await complete(rig, 'b');
  expect(repository.git('rev-parse', `refs/tags/${archive ?? ''}`)).toBe(repository.git('rev-parse', 'plan/a/b'));
});

test('plans with the same work come home together', async () => {
  await using rig = await Rig.setUp();
  await donePlan(rig, 'one', { 'same.txt': 'same\n' });
  await donePlan(rig, 'other', { 'same.txt': 'same\n' });
  await donePlan(rig, 'third');
  const done = await rig.wtd('complete', '--all');
  expect(done.exitCode).toBe(0);
  expect(done.stdout).toContain('third is merged into main');
});

test('a bare repository has its branch moved', async () => {
  await using rig = await Rig.setUp();
  const bare = makeRepository(rig.place, 'store.git', 'bare');
  const run = await rig.start('login', ['true'], { repository: bare.path });
  await rig.call('plan.wait', { plan: 'login', repository: bare.path });
  bare.at(run.cwd ?? '').commit({ 'login.txt': 'login\n' });
  const answer = await rig.call('plan.complete', { plan: 'login', repository: bare.path });
  expect(answer).toMatchObject({ merged: true, into: 'main', warnings: [] });
  expect(bare.git('show', 'main:login.txt')).toBe('login');
});

test('the base that a repository configures is where its plans go home to', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  repository.git('branch', 'develop');
  repository.commit({ 'wtd.yaml': 'worktrees:\n  base: develop\n' });
  await donePlan(rig, 'login');
  expect(await complete(rig, 'login')).toMatchObject({ merged: true, into: 'develop' });
});

test('after a squash the plan on top is brought up to date as it is told', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  await donePlan(rig, 'ground', { 'same.txt': 'ground\n' });
  await rig.start('top', ['true'], { base: 'plan/ground' });
  await rig.wait('top');
  repository.at(join(repository.path, 'worktrees', 'plan-top')).commit({ 'same.txt': 'top\n' });
  const all = await rig.wtd('complete', '--all', '--strategy', 'squash');
  expect(all.exitCode).toBe(1);
  expect(all.stdout).toContain('wtd rebase top');
  expect((await rig.wtd('rebase', 'top')).exitCode).toBe(0);
  expect(await complete(rig, 'top', { strategy: 'squash' })).toMatchObject({ merged: true, into: 'main' });
  expect(repository.git('show', 'main:same.txt')).toBe('top');
});

test('files in the way are told by their names', async () => {
  await using rig = await Rig.setUp();
  const names = ['späte "Datei".txt', '-dash.txt'];
  await donePlan(rig, 'login', Object.fromEntries(names.map((name) => [name, 'theirs\n'])));
  for (const name of names) rig.repository.write(name, 'mine\n');
  const refusal = await refuses(rig, 'login');
  expect(refusal['files']).toEqual(expect.arrayContaining(names));
  for (const name of names) expect(readFileSync(join(rig.repository.path, name), 'utf8')).toBe('mine\n');
});

test('a lock in the checkout of the target is told, and nothing has moved', async () => {
  await using rig = await Rig.setUp();
  await donePlan(rig, 'login');
  const before = await stateOf(rig, 'login');
  const lock = join(rig.repository.path, '.git', 'index.lock');
  writeFileSync(lock, '');
  const refusal = await refuses(rig, 'login');
  expect(refusal.message + refusal.hint).toContain('index.lock');
  renameSync(lock, `${lock}.gone`);
  expect(await stateOf(rig, 'login')).toEqual(before);
  expect(existsSync(lock)).toBe(false);
});

test('a plan that has the name of a place to verify in does not disturb', async () => {
  await using rig = await Rig.setUp({
    config: { worktrees: { branch_prefix: '' }, completion: { verify: [['true']] } },
  });
  for (const plan of ['login', 'verify-login']) {
    const run = await rig.start(plan, ['true']);
    await rig.wait(plan);
    rig.repository.at(run.cwd ?? '').commit({ [`${plan}.txt`]: 'x\n' });
  }
  expect(await complete(rig, 'login')).toMatchObject({ merged: true });
  leaveTarget(rig);
  expect(await complete(rig, 'verify-login')).toMatchObject({ merged: true });
});
