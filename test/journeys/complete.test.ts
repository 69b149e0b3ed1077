import { chmodSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { worktreeOf } from '../rig/doctor.ts';
import { complete, donePlan, leaveTarget, refuses, showPlan, stateOf } from '../rig/homecoming.ts';
import type { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

const filesAt = (repository: Checkout, revision: string): string[] =>
  repository.git('ls-tree', '-r', '--name-only', revision).split('\n');

/** The checkout of the target is what the target is. */
const requireClean = (repository: Checkout): void => {
  expect(repository.git('status', '--porcelain')).toBe('');
};

const orders = [
  ['a', 'b', 'c'],
  ['a', 'c', 'b'],
  ['b', 'a', 'c'],
  ['b', 'c', 'a'],
  ['c', 'a', 'b'],
  ['c', 'b', 'a'],
];

describe('a plan that is completed', () => {
  test.each(orders)('comes home whole when three do in the order %s %s %s', async (...order) => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    repository.commit({ 'old.txt': 'one\ntwo\nthree\nfour\n', 'gone.txt': 'gone\n', 'tool.sh': '#!/bin/sh\n' });
    // One renames and changes a file, one deletes and adds bytes, one changes a mode and that file's other end.
    const a = await donePlan(rig, 'a', {});
    a.git('mv', 'old.txt', 'new.txt');
    a.commit({ 'new.txt': 'ONE\ntwo\nthree\nfour\n' });
    const b = await donePlan(rig, 'b', { 'image.bin': '\u0000\u0001\u0002' });
    b.git('rm', '-q', 'gone.txt');
    b.commit({});
    const c = await donePlan(rig, 'c', { 'old.txt': 'one\ntwo\nthree\nFOUR\n' });
    chmodSync(join(c.path, 'tool.sh'), 0o755);
    c.commit({ 'tool.sh': '#!/bin/sh\n' });

    for (const plan of order) {
      const answer = await complete(rig, plan);
      expect(answer).toMatchObject({ merged: true, into: 'main', strategy: 'merge', warnings: [] });
      expect(repository.git('rev-parse', 'main')).toBe(answer.commit);
      expect(repository.git('rev-parse', `archive/plan/${plan}`)).toBe(repository.git('rev-parse', `plan/${plan}`));
      requireClean(repository);
    }
    expect(filesAt(repository, 'main')).toEqual(['README.md', 'image.bin', 'new.txt', 'tool.sh']);
    expect(readFileSync(join(repository.path, 'new.txt'), 'utf8')).toBe('ONE\ntwo\nthree\nFOUR\n');
    expect(statSync(join(repository.path, 'tool.sh')).mode & 0o111).not.toBe(0);
    expect(readFileSync(join(repository.path, 'image.bin'))).toEqual(Buffer.from([0, 1, 2]));
    expect(repository.worktrees()).toEqual([repository.path]);
    expect((await rig.call('port.list', {})).ranges).toEqual([]);
  });

  test('is told of, keeps how far it came, and begins anew when it is started again', async () => {
    await using rig = await Rig.setUp();
    const file = '# The login\n\n## Phase 1: Form\n\n- [x] 1.1 Fields\n- [x] 1.2 Button\n';
    rig.repository.commit({ 'plans/login.md': file });
    const run = await rig.start('login', ['true'], { file: 'plans/login.md' });
    await rig.wait('login');
    const tip = worktreeOf(rig, 'login').commit({ 'login.txt': 'login\n' });
    const printed = await rig.wtd('complete', 'login');
    expect(printed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(printed.stdout).toMatch(
      /^login is merged into main as [0-9a-f]{10}; what its branch was is kept as the tag archive\/plan\/login\n$/,
    );
    expect(rig.repository.git('log', '-1', '--format=%an|%P')).toBe(
      `Ada|${rig.repository.git('rev-parse', 'main~1')} ${tip}`,
    );
    expect(rig.repository.git('log', '-1', '--format=%B').trim()).toBe(
      `Merge plan login\n\nThe login\n\n2 of 2 tasks completed.\n\nPlan: login\nPlan-File: plans/login.md\nPlan-Run: ${run.id}`,
    );
    const shown = (await rig.call('status.get', { allPlans: true })).plans[0];
    expect(shown).toMatchObject({ state: 'completed', worktree: null, ports: null, progress: { percent: 100 } });
    expect(shown?.outcome).toMatchObject({ kind: 'merged', tip, into: 'main', archive: 'archive/plan/login' });
    const { events } = await rig.call('event.list', { types: ['plan.completed'] });
    expect(events).toMatchObject([{ plan: 'login', data: { into: 'main', tip, strategy: 'merge' } }]);
    expect(await refuses(rig, 'login')).toMatchObject({ code: 'INVALID_STATE', state: 'nothing_to_merge' });

    await rig.start('login', ['true']);
    await rig.wait('login');
    expect(await showPlan(rig, 'login')).toMatchObject({ state: 'succeeded', outcome: null });
    worktreeOf(rig, 'login').commit({ 'more.txt': 'more\n' });
    expect(await complete(rig, 'login')).toMatchObject({ merged: true, archive: 'archive/plan/login-2' });
    expect((await showPlan(rig, 'login')).state).toBe('completed');
  });

  test.each(['merge', 'squash', 'ff'] as const)('is merged by %s as asked', async (strategy) => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    const worktree = await donePlan(rig, 'login');
    const [before, tip] = [repository.git('rev-parse', 'main'), worktree.commit({ 'second.txt': 'second\n' })];
    const { commit } = await complete(rig, 'login', { strategy });
    const parents = { merge: `${before} ${tip}`, squash: before, ff: worktreeParent(repository, tip) }[strategy];
    expect(repository.git('log', '-1', '--format=%P', 'main')).toBe(parents);
    expect(commit === tip).toBe(strategy === 'ff');
    expect(filesAt(repository, 'main')).toEqual(['README.md', 'login.txt', 'second.txt']);
    expect((await showPlan(rig, 'login')).state).toBe('completed');
    requireClean(repository);
  });

  test('is not fast-forwarded past what its target has, and is as the repository says by default', async () => {
    await using rig = await Rig.setUp();
    await donePlan(rig, 'login');
    const workflow = { merge_strategy: 'ff', archive_branches: false };
    rig.repository.commit({ '.claude/git-workflow.json': JSON.stringify(workflow) });
    const before = await stateOf(rig, 'login');
    const refusal = await refuses(rig, 'login');
    expect(refusal).toMatchObject({ code: 'INVALID_STATE', state: 'not_fast_forward' });
    expect(refusal.hint).toContain('wtd rebase login');
    expect(await stateOf(rig, 'login')).toEqual(before);
    rig.repository.commit({ 'wtd.yaml': JSON.stringify({ completion: { merge_strategy: 'squash' } }) });
    expect(await complete(rig, 'login')).toMatchObject({ strategy: 'squash', archive: null });
    expect(rig.repository.git('tag', '--list')).toBe('');
  });

  test('goes into a branch that is checked out nowhere, or in another worktree', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    await donePlan(rig, 'a');
    await donePlan(rig, 'b');
    leaveTarget(rig);
    const head = repository.git('rev-parse', 'HEAD');
    const { commit } = await complete(rig, 'a');
    expect(repository.git('rev-parse', 'main')).toBe(commit);
    expect(repository.git('rev-parse', 'HEAD')).toBe(head);
    requireClean(repository);
    const elsewhere = repository.at(`${repository.path}-main`);
    repository.git('worktree', 'add', '-q', elsewhere.path, 'main');
    await complete(rig, 'b');
    expect(existsSync(join(elsewhere.path, 'b.txt'))).toBe(true);
    requireClean(elsewhere);
  });

  test('leaves its worktree or takes its branch along as asked', async () => {
    await using rig = await Rig.setUp();
    const kept = await donePlan(rig, 'kept');
    await donePlan(rig, 'gone');
    expect(await complete(rig, 'kept', { keepWorktree: true })).toMatchObject({ warnings: [] });
    expect(existsSync(kept.path)).toBe(true);
    expect(await complete(rig, 'gone', { deleteBranch: true, strategy: 'squash' })).toMatchObject({ warnings: [] });
    expect(rig.repository.branches()).toEqual(['main', 'plan/kept']);
    expect((await showPlan(rig, 'gone')).state).toBe('completed');
    await rig.start('gone', ['true']);
    await rig.wait('gone');
    expect(await showPlan(rig, 'gone')).toMatchObject({ state: 'succeeded', outcome: null });
  });

  test('stands although its worktree cannot go', async () => {
    await using rig = await Rig.setUp();
    const worktree = await donePlan(rig, 'login');
    rig.repository.git('worktree', 'unlock', worktree.path);
    rig.repository.git('worktree', 'lock', '--reason', 'mine', worktree.path);
    const { merged, warnings } = await complete(rig, 'login');
    expect(merged).toBe(true);
    expect(warnings).toEqual([expect.stringContaining('its worktree stays')]);
    expect(existsSync(worktree.path)).toBe(true);
  });
});

describe('work beside a target that is checked out', () => {
  test('stays as it is where the merge does not touch it', async () => {
    await using rig = await Rig.setUp();
    await donePlan(rig, 'login');
    rig.repository.write('README.md', 'changed\n');
    rig.repository.write('notes.txt', 'mine\n');
    await complete(rig, 'login');
    expect(rig.repository.git('status', '--porcelain')).toBe(' M README.md\n?? notes.txt');
    expect(readFileSync(join(rig.repository.path, 'README.md'), 'utf8')).toBe('changed\n');
  });

  test.each([
    ['a changed file', 'README.md'],
    ['an untracked file', 'login.txt'],
    ['a file that git ignores', 'secret.env'],
  ])('is never overwritten: %s', async (_, file) => {
    await using rig = await Rig.setUp();
    rig.repository.commit({ '.gitignore': '*.env\n' });
    const worktree = await donePlan(rig, 'login', { 'README.md': 'theirs\n', 'login.txt': 'theirs\n' });
    worktree.write('secret.env', 'theirs\n');
    worktree.git('add', '--force', 'secret.env');
    worktree.commit({});
    rig.repository.git('config', 'merge.autoStash', 'true');
    rig.repository.write(file, 'mine\n');
    const before = await stateOf(rig, 'login');
    const refusal = await refuses(rig, 'login');
    expect(refusal).toMatchObject({ code: 'UNSAFE', blockers: [{ code: 'target_changes' }], files: [file] });
    expect(await stateOf(rig, 'login')).toEqual(before);
    expect(readFileSync(join(rig.repository.path, file), 'utf8')).toBe('mine\n');
    expect((await rig.call('daemon.doctor', {})).findings).toEqual([]);
    rmSync(join(rig.repository.path, file));
    rig.repository.git('checkout', '--quiet', '--', '.');
    expect(await complete(rig, 'login')).toMatchObject({ merged: true });
  });
});

const worktreeParent = (repository: Checkout, tip: string): string => repository.git('rev-parse', `${tip}~1`);
