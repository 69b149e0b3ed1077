import { join } from 'node:path';
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Result } from '../../src/contract/index.ts';
import { footprint } from '../rig/footprint.ts';
import { donePlan, showPlan, stateOf } from '../rig/homecoming.ts';
import { Rig } from '../rig/rig.ts';

type Answer = Result<'plan.complete'>;

const completeAll = (rig: Rig, more: { dryRun?: boolean; strategy?: 'squash' | 'ff'; deleteBranch?: boolean } = {}) =>
  rig.call('plan.complete', { all: true, repository: 'shop', ...more });

const statesOf = ({ plans }: Answer) => plans.map(({ plan, state, into }) => `${plan} ${state} ${into ?? '-'}`);

/** A plan on the branch of another one, with a commit of its own. */
async function stackedPlan(
  rig: Rig,
  name: string,
  { on, files }: { on: string; files: Readonly<Record<string, string>> },
): Promise<void> {
  await rig.start(name, ['true'], { base: `plan/${on}` });
  await rig.wait(name);
  rig.repository.at(join(rig.repository.path, 'worktrees', `plan-${name}`)).commit(files, `Work of ${name}`);
}

/** What a merge does, without the commits that it was made of. */
const kindsOf = ({ steps }: Answer) =>
  steps.map(({ plan, kind, detail }) => [plan, kind, detail.replaceAll(/\([0-9a-f]{10}\)/g, '()')]);

describe('wtd complete --all', () => {
  test('brings every plan home where it belongs, one on the branch of another after that one', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    repository.git('branch', 'release');
    await rig.start('fix', ['true'], { base: 'release' });
    await rig.wait('fix');
    repository.at(join(repository.path, 'worktrees', 'plan-fix')).commit({ 'fix.txt': 'fix\n' });
    await donePlan(rig, 'ground', { 'same.txt': 'ground\n' });
    await stackedPlan(rig, 'top', { on: 'ground', files: { 'same.txt': 'ground\ntop\n' } });
    await stackedPlan(rig, 'roof', { on: 'top', files: { 'same.txt': 'ground\ntop\nroof\n' } });
    const marks = await footprint(rig);
    const [before, objects] = [await stateOf(rig, 'top'), repository.git('count-objects', '-v')];

    const dry = await completeAll(rig, { dryRun: true });
    expect(statesOf(dry)).toEqual(
      ['fix', 'ground', 'top', 'roof'].map((plan) => `${plan} planned ${plan === 'fix' ? 'release' : 'main'}`),
    );
    expect(dry).toMatchObject({ merged: false, commit: null });
    expect(await footprint(rig)).toEqual(marks);
    expect(await stateOf(rig, 'top')).toEqual(before);
    expect(repository.git('count-objects', '-v')).toBe(objects);
    expect(readdirSync(join(rig.place.home, 'trials'))).toEqual([]);
    const printed = await rig.wtd('complete', '--all', '--dry-run');
    expect(printed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(printed.stdout).toContain('fix would be merged into release; nothing has changed:\n  1. merge plan/fix (');
    expect(printed.stdout).toContain('top would be merged into main; nothing has changed:\n  1. merge plan/top (');

    const real = await rig.wtd('complete', '--all', '--json');
    expect(real.exitCode).toBe(0);
    const answer = real.json() as Answer;
    expect(statesOf(answer)).toEqual(statesOf(dry).map((line) => line.replace('planned', 'merged')));
    expect(answer).toMatchObject({ merged: true, dependants: [], warnings: [] });
    expect(kindsOf(answer)).toEqual(kindsOf(dry));
    expect(repository.git('show', 'main:same.txt')).toBe('ground\ntop\nroof');
    expect(repository.git('show', 'release:fix.txt')).toBe('fix');
    expect(repository.git('rev-parse', 'plan/ground')).toBe(repository.git('rev-parse', 'archive/plan/ground'));
    expect(repository.git('status', '--porcelain')).toBe('');
    expect(repository.worktrees()).toEqual([repository.path]);
    expect((await rig.call('port.list', {})).ranges).toEqual([]);
    expect((await rig.wtd('complete', '--all')).stdout).toBe('no plan is there to be merged\n');
  });

  test('stops at the first that fails: what came before is home, it and the rest are as they were', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    await donePlan(rig, 'first');
    const second = await donePlan(rig, 'second');
    second.write('unsaved.txt', 'mine\n');
    await donePlan(rig, 'third');
    const untouched = async () => {
      const [one, other] = [await stateOf(rig, 'second'), await stateOf(rig, 'third')];
      return [one.inTree, one.plan, other.inTree, other.plan];
    };
    const before = await untouched();
    const dry = await rig.wtd('complete', '--all', '--dry-run');
    expect(dry.exitCode).toBe(1);
    const failed = await rig.wtd('complete', '--all');
    expect(failed.exitCode).toBe(1);
    expect(failed.stdout).toMatch(/^first is merged into main as [0-9a-f]{10}; /);
    expect(failed.stdout).toContain('second was not merged: plan second cannot be merged into main yet: ');
    expect(failed.stdout).toContain('third was not tried\n');
    expect(await untouched()).toEqual(before);
    expect(repository.git('tag', '--list')).toBe('archive/plan/first');
    expect(repository.git('log', '--format=%s', '--first-parent', 'main')).toBe('Merge plan first\nBegin');
    expect((await rig.call('daemon.doctor', {})).findings).toEqual([]);
    second.commit({ 'unsaved.txt': 'mine\n' });
    expect(statesOf(await completeAll(rig))).toEqual(['second merged main', 'third merged main']);
  });

  test('tells in a dry run that what can be fast-forwarded now cannot be after another', async () => {
    await using rig = await Rig.setUp();
    await donePlan(rig, 'one');
    await donePlan(rig, 'other');
    const dry = await completeAll(rig, { dryRun: true, strategy: 'ff' });
    expect(statesOf(dry)).toEqual(['one planned main', 'other failed -']);
    const real = await completeAll(rig, { strategy: 'ff' });
    expect(statesOf(real)).toEqual(['one merged main', 'other failed -']);
    expect(real.plans[1]?.error).toEqual(dry.plans[1]?.error);
  });

  test('finds a plan whose base went with the branch of another', async () => {
    await using rig = await Rig.setUp();
    const { repository } = rig;
    await donePlan(rig, 'ground', { 'ground.txt': 'ground\n' });
    await stackedPlan(rig, 'top', { on: 'ground', files: { 'top.txt': 'top\n' } });
    await rig.call('plan.complete', { plan: 'ground', repository: 'shop', deleteBranch: true });
    expect(repository.branches()).not.toContain('plan/ground');
    const { steps } = await rig.call('conflict.order', { repository: 'shop' });
    expect(steps.map(({ plan, into }) => [plan, into])).toEqual([['top', 'main']]);
    expect(statesOf(await completeAll(rig))).toEqual(['top merged main']);
    expect(repository.git('show', 'main:top.txt')).toBe('top');
    expect((await showPlan(rig, 'top')).state).toBe('completed');
  });

  test('asked for twice at once merges each plan once', async () => {
    await using rig = await Rig.setUp();
    for (const plan of ['a', 'b', 'c']) await donePlan(rig, plan);
    const answers = await Promise.all([completeAll(rig), completeAll(rig)]);
    const merged = answers.flatMap(({ plans }) => plans.filter(({ state }) => state === 'merged'));
    expect(merged.map(({ plan }) => plan).sort()).toEqual(['a', 'b', 'c']);
    expect(answers.flatMap(({ plans }) => plans.filter(({ state }) => state === 'failed'))).toEqual([]);
    expect(rig.repository.git('log', '--format=%s', '--first-parent', 'main').split('\n')).toHaveLength(4);
  });
});
