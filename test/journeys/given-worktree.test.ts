import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { examine } from '../rig/doctor.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

const repository = 'shop';
const command = ['sleep', '60'];

async function rigWith(...branches: string[]): Promise<Rig> {
  const rig = await Rig.setUp();
  await rig.call('worktree.create', { repository: rig.repository.path, branches });
  return rig;
}

describe('plan.start in a worktree that is there', () => {
  test('makes its branch that of the plan, whatever it is called by', async () => {
    await using rig = await rigWith('topic/cart');
    const { worktrees } = await rig.call('worktree.list', { repository });
    const [{ id, path } = { id: '', path: '' }] = worktrees;
    const started = await rig.wtd('start', 'cart', '--worktree', 'topic/cart', '--json', '--', ...command);
    expect(started.json()).toMatchObject({ plan: 'cart', worktree: id, cwd: path, state: 'running' });
    const plan = await rig.call('plan.show', { repository, plan: 'cart' });
    expect(plan).toMatchObject({ branch: 'topic/cart', base: 'main', worktree: { id, kind: 'named', plan: 'cart' } });
    expect(rig.repository.branches()).not.toContain('plan/cart');
    expect(await examine(rig)).toEqual([]);

    const twice = await rig.refusal('plan.start', { repository, plan: 'cart', worktree: path, command });
    expect(twice).toMatchObject({ code: 'DUPLICATE_RUN', worktree: path });
    const other = await rig.refusal('plan.start', { repository, plan: 'other', worktree: path, command });
    expect(other).toMatchObject({ code: 'BUSY', holder: 'plan cart' });
    expect(await rig.refusal('worktree.remove', { worktree: id })).toMatchObject({ code: 'UNSAFE' });

    await rig.call('plan.stop', { repository, plan: 'cart', force: true });
    const again = await rig.call('plan.start', { repository, plan: 'cart', worktree: id, command: ['true'] });
    expect(again).toMatchObject({ worktree: id, attempt: 2 });
    await rig.call('plan.wait', { repository, plan: 'cart' });
    await rig.call('plan.remove', { repository, plan: 'cart' });
    expect(await rig.call('worktree.show', { worktree: id })).toMatchObject({ path, state: 'in_use', plan: null });
  });

  test('takes an adopted one, and what it notes there does not make it dirty', async () => {
    await using rig = await Rig.setUp();
    rig.repository.commit({ 'plan.md': '- [ ] 1.1 first\n' });
    const linked = rig.repository.linkWorktree('by-hand');
    const { id } = await rig.call('worktree.adopt', { path: linked.path });
    const run = await rig.call('plan.start', { repository, plan: 'login', worktree: id, file: 'plan.md', command });
    expect(run).toMatchObject({ worktree: id, cwd: linked.path });
    expect(linked.git('status', '--porcelain')).toBe('');
  });

  test('is refused, with nothing made, where somebody else is or no branch is', async () => {
    await using rig = await rigWith('one', 'two', 'gone');
    await rig.start('own', command);
    const lent = await rig.call('pool.acquire', { repository, name: 'lent', branch: 'lent' });
    const pooled = await rig.call('pool.acquire', { repository });
    const blog = makeRepository(rig.place, 'blog');
    const { created } = await rig.call('worktree.create', { repository: blog.path, branches: ['far'] });
    const refuse = async (worktree: string, plan = 'fresh') =>
      rig.refusal('plan.start', { repository, plan, worktree, command });

    expect(await refuse('nowhere')).toMatchObject({ code: 'NOT_FOUND', kind: 'worktree' });
    expect(await refuse(created[0]?.path ?? ''), 'of another repository').toMatchObject({ code: 'NOT_FOUND' });
    expect(await refuse('lent')).toMatchObject({ code: 'BUSY', lease: lent.lease.id });
    expect(await refuse(pooled.worktree.id)).toMatchObject({ code: 'BUSY' });
    expect(await refuse('plan-own')).toMatchObject({ code: 'BUSY', holder: 'plan own' });
    await rig.call('plan.stop', { repository, plan: 'own', force: true });
    expect(await refuse('one', 'own'), 'it has one').toMatchObject({ code: 'INVALID_STATE' });
    rig.repository.git('-C', `${rig.repository.path}/worktrees/two`, 'checkout', '--quiet', '--detach');
    expect(await refuse('two')).toMatchObject({ code: 'INVALID_STATE' });
    rmSync(`${rig.repository.path}/worktrees/gone`, { recursive: true });
    expect(await refuse('gone')).toMatchObject({ code: 'INVALID_STATE' });
    const { plans } = await rig.call('plan.list', { repository });
    expect(plans.map(({ name }) => name)).toEqual(['own']);
  });

  test('gives it to one of two plans that ask at once', async () => {
    await using rig = await rigWith('one');
    const names = ['a', 'b', 'c', 'd'];
    const starts = names.map((plan) => rig.call('plan.start', { repository, plan, worktree: 'one', command }));
    const outcomes = await Promise.allSettled(starts);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const { plans } = await rig.call('plan.list', { repository });
    expect(plans).toHaveLength(1);
  });
});
