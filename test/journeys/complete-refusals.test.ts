import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { footprint } from '../rig/footprint.ts';
import { complete, donePlan, leaveTarget, refuses, showPlan, stateOf } from '../rig/homecoming.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

const codesOf = (refusal: { [detail: string]: unknown }): string[] =>
  (refusal['blockers'] as { code: string }[]).map(({ code }) => code);

describe('plan.complete', () => {
  test('tells every step in a dry run and changes nothing', async () => {
    const completion = { verify: [['touch', 'never']] };
    await using rig = await Rig.setUp({ config: { completion } });
    const worktree = await donePlan(rig, 'login');
    const [before, marks] = [await footprint(rig), await stateOf(rig, 'login')];
    const objects = rig.repository.git('count-objects', '-v');
    const dry = await complete(rig, 'login', { dryRun: true, deleteBranch: true });
    expect(dry).toMatchObject({ merged: false, commit: null, into: 'main', archive: 'archive/plan/login' });
    expect(dry.plans).toMatchObject([{ plan: 'login', state: 'planned' }]);
    expect(await footprint(rig)).toEqual(before);
    expect(await stateOf(rig, 'login')).toEqual(marks);
    expect(rig.repository.git('count-objects', '-v')).toBe(objects);
    const printed = await rig.wtd('complete', 'login', '--dry-run');
    expect(printed.stdout).toContain('login would be merged into main; nothing has changed:\n  1. merge plan/login (');
    expect(printed.stdout).toContain(`take ${worktree.path} away and give its ports back`);

    const real = await complete(rig, 'login', { deleteBranch: true });
    expect(real.steps).toEqual(dry.steps);
    expect(real.steps.map(({ kind }) => kind)).toEqual([
      'merge',
      'verify',
      'archive',
      'move',
      'record',
      'remove_worktree',
      'delete_branch',
    ]);
  });

  test('tells all that stands in the way at once, and changes nothing', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    repository.commit({ 'plan.md': '## Phase 1: All\n\n- [x] 1.1 One\n- [ ] 1.2 Two\n', 'same.txt': 'old\n' });
    await rig.call('plan.create', { name: 'login', repository: repository.path, file: 'plan.md', dependsOn: ['base'] });
    const { child, run } = await rig.startSteered('login');
    const worktree = repository.at(run.cwd ?? '');
    worktree.commit({ 'same.txt': 'theirs\n' });
    worktree.write('same.txt', 'changed\n');
    worktree.write('new.txt', 'new\n');
    repository.commit({ 'same.txt': 'ours\n' });
    const before = await stateOf(rig, 'login');
    const refusal = await refuses(rig, 'login');
    expect(refusal.code).toBe('UNSAFE');
    expect(codesOf(refusal)).toEqual(['active_run', 'open_tasks', 'uncommitted', 'untracked', 'depends', 'conflict']);
    expect(refusal['files']).toEqual([{ path: 'same.txt', kind: 'content' }]);
    expect(refusal.message).toContain('1 of 2 tasks not completed, the first in "All"');
    expect(await refuses(rig, 'login', { dryRun: true })).toEqual(refusal);
    expect(await stateOf(rig, 'login')).toEqual(before);
    expect((await rig.wtd('complete', 'login')).exitCode).toBe(7);
    await child.exit(0);
  });

  test('tells a conflict that is the only obstacle, with its files', async () => {
    await using rig = await Rig.setUp();
    await donePlan(rig, 'login', { 'README.md': 'theirs\n', 'a.txt': 'theirs\n' });
    rig.repository.commit({ 'README.md': 'ours\n', 'a.txt': 'ours\n' });
    const before = await stateOf(rig, 'login');
    const refusal = await refuses(rig, 'login');
    const files = [
      { path: 'README.md', kind: 'content' },
      { path: 'a.txt', kind: 'addAdd' },
    ];
    expect(refusal).toMatchObject({ code: 'CONFLICT', files });
    expect(await stateOf(rig, 'login')).toEqual(before);
    expect((await rig.wtd('complete', 'login')).exitCode).toBe(8);
  });

  test('refuses a submodule that both sides changed, and merges one that only the plan changed', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    const part = makeRepository(rig.place, 'part');
    const commits = [0, 1, 2].map((number) => part.commit({ 'part.txt': `${number}\n` }));
    const point = (to: typeof repository, commit = '') => {
      to.git('update-index', '--add', '--cacheinfo', `160000,${commit},part`);
      to.git('commit', '-qm', 'Part');
    };
    point(repository, commits[0]);
    const one = await donePlan(rig, 'one', {});
    const other = await donePlan(rig, 'other', {});
    point(one, commits[1]);
    point(other, commits[2]);
    expect(await complete(rig, 'one', { keepWorktree: true })).toMatchObject({ merged: true });
    expect(repository.git('rev-parse', 'main:part')).toBe(commits[1]);
    const before = repository.git('for-each-ref');
    const refusal = await refuses(rig, 'other');
    expect(refusal).toMatchObject({ code: 'CONFLICT', files: [{ path: 'part', kind: 'submodule' }] });
    expect(refusal.message).toContain('submodule part');
    expect(repository.git('for-each-ref')).toBe(before);
  });

  test('needs a plan with work, a local branch to merge into, and to be told which plan', async () => {
    await using rig = await Rig.setUp();
    const address = { repository: 'shop' };
    await rig.call('plan.create', { name: 'idle', repository: rig.repository.path });
    expect(await refuses(rig, 'idle')).toMatchObject({ code: 'INVALID_STATE', state: 'no_branch' });
    await rig.start('empty', ['true']);
    await rig.wait('empty');
    expect(await refuses(rig, 'empty')).toMatchObject({ code: 'INVALID_STATE', state: 'nothing_to_merge' });
    rig.repository.git('tag', 'v1');
    await rig.start('tagged', ['true'], { base: 'v1' });
    await rig.wait('tagged');
    const refusal = await refuses(rig, 'tagged');
    expect(refusal).toMatchObject({ code: 'INVALID_STATE', state: 'no_target' });
    expect(refusal.hint).toContain('wtd plan update tagged --base');
    expect(await refuses(rig, 'none')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await rig.refusal('plan.complete', address)).toMatchObject({ code: 'INVALID_PARAMS' });
    expect(await rig.refusal('plan.complete', { ...address, plan: 'empty', all: true })).toMatchObject({
      code: 'INVALID_PARAMS',
    });
  });

  test('waits for the run in the worktree that its target is checked out in', async () => {
    await using rig = await Rig.setUp();
    const { child } = await rig.startSteered('trunk');
    const leaf = await (async () => {
      await rig.start('leaf', ['true'], { base: 'plan/trunk' });
      await rig.wait('leaf');
      return rig.repository.at(join(rig.repository.path, 'worktrees', 'plan-leaf'));
    })();
    leaf.commit({ 'leaf.txt': 'leaf\n' });
    expect(codesOf(await refuses(rig, 'leaf'))).toEqual(['target_busy']);
    await child.exit(0);
    await rig.wait('trunk');
    expect(await complete(rig, 'leaf')).toMatchObject({ merged: true, into: 'plan/trunk' });
    expect(existsSync(join(rig.repository.path, 'worktrees', 'plan-trunk', 'leaf.txt'))).toBe(true);
  });

  test('commits as whoever asks, and as nobody where git knows none', async () => {
    await using rig = await Rig.setUp({ daemonEnv: noIdentity });
    await donePlan(rig, 'login');
    const before = await stateOf(rig, 'login');
    expect(await refuses(rig, 'login')).toMatchObject({ code: 'INVALID_STATE', state: 'no_identity' });
    expect(await stateOf(rig, 'login')).toEqual(before);
    const env = { ...rig.place.env, GIT_AUTHOR_NAME: 'Grace', GIT_AUTHOR_EMAIL: 'grace@example.org' };
    await complete(rig, 'login', { env });
    expect(rig.repository.git('log', '-1', '--format=%an %ae %cn', 'main')).toBe('Grace grace@example.org Ada');
  });
});

const noIdentity = {
  GIT_AUTHOR_NAME: '',
  GIT_AUTHOR_EMAIL: '',
  GIT_COMMITTER_NAME: '',
  GIT_COMMITTER_EMAIL: '',
};

describe('after a plan came home', () => {
  test('whoever waited for it is told what it needs now', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    await donePlan(rig, 'base', { 'README.md': 'base\n' });
    const depending = async (name: string, dependsOn: string[], files: Record<string, string>) => {
      await rig.call('plan.create', { name, repository: 'shop', dependsOn });
      if (Object.keys(files).length > 0) await donePlan(rig, name, files);
    };
    await depending('ready', ['base'], { 'ready.txt': '1\n' });
    await depending('behind', ['base'], { 'README.md': 'behind\n' });
    await depending('both', ['base', 'ready'], { 'both.txt': '1\n' });
    await depending('new', ['base'], {});
    await rig.start('onto', ['true'], { base: 'plan/base' });
    await rig.wait('onto');
    repository.git('worktree', 'list');
    expect(await refuses(rig, 'ready')).toMatchObject({ code: 'UNSAFE', blockers: [{ code: 'depends' }] });

    const { dependants } = await complete(rig, 'base');
    expect(dependants).toEqual([
      { plan: 'ready', state: 'succeeded', needs: 'nothing: it can be completed now' },
      { plan: 'behind', state: 'succeeded', needs: 'rebase: `wtd rebase behind`' },
      { plan: 'both', state: 'succeeded', needs: 'still waits for ready' },
      { plan: 'new', state: 'idle', needs: 'nothing: it can be started now with `wtd start new`' },
      {
        plan: 'onto',
        state: 'succeeded',
        needs: 'another base: `wtd plan update onto --base main`, then `wtd rebase onto`',
      },
    ]);
    const next = await rig.wtd('complete', 'ready');
    expect(next.stdout).toContain('both (succeeded) needs nothing: it can be completed now\n');
  });

  test('several at once have gone through one queue, each on top of the one before', async () => {
    await using rig = await Rig.setUp();
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) await donePlan(rig, name);
    leaveTarget(rig);
    const answers = await Promise.all(names.map((name) => complete(rig, name, { strategy: 'squash' })));
    expect(answers.every(({ merged }) => merged)).toBe(true);
    const history = rig.repository.git('log', '--format=%H', '-5', 'main').split('\n');
    expect(history.sort()).toEqual(answers.map(({ commit }) => commit).sort());
    expect(rig.repository.git('rev-list', '--count', '--merges', 'main')).toBe('0');
    for (const name of names) expect((await showPlan(rig, name)).state).toBe('completed');
  });
});
