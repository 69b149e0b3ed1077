import { join } from 'node:path';
import { expect } from 'vitest';
import type { Scenario, Stage } from './kill-stage.ts';
import { Checkout } from './repository.ts';

const address = { plan: 'login', repository: 'shop' };

const checkoutOf = ({ rig }: Stage): Checkout =>
  new Checkout(join(rig.repository.path, 'worktrees', 'plan-login'), rig.place.env);

/** The plan has a commit of its own, and its base has moved. */
async function prepare(stage: Stage): Promise<void> {
  const { rig } = stage;
  await rig.start('login', ['true']);
  await rig.wait('login');
  checkoutOf(stage).commit({ 'login.txt': 'login\n' }, 'Login');
  rig.repository.commit({ 'README.md': 'A larger shop\n' }, 'Move');
}

async function prepareConflict(stage: Stage): Promise<void> {
  await prepare(stage);
  checkoutOf(stage).commit({ 'README.md': 'A shop with a login\n' }, 'Conflict');
}

/** A branch without commits goes with its plan. */
function empty(stage: Stage, base: string): void {
  checkoutOf(stage).git('reset', '--quiet', '--hard', base);
}

const rebase = ({ rig }: Stage) => rig.call('plan.rebase', address);

async function isRebased(stage: Stage): Promise<void> {
  const { rig } = stage;
  expect(checkoutOf(stage).git('status', '--porcelain=v2', '--branch')).toContain('# branch.head plan/login');
  await rebase(stage);
  expect(checkoutOf(stage).git('log', '--format=%s')).toBe('Login\nMove\nBegin');
  expect(await rig.call('plan.show', address)).toMatchObject({ state: 'succeeded', git: { ahead: 1, behind: 0 } });
  empty(stage, 'main');
}

async function isUndone(stage: Stage): Promise<void> {
  const { rig } = stage;
  const worktree = checkoutOf(stage);
  expect(worktree.git('status', '--porcelain=v2', '--branch')).toContain('# branch.head plan/login');
  expect(worktree.git('status', '--porcelain')).toBe('');
  expect(worktree.git('log', '--format=%s')).toBe('Conflict\nLogin\nBegin');
  expect(await rig.refusal('plan.rebase', address)).toMatchObject({ code: 'CONFLICT' });
  empty(stage, 'main~1');
}

const abandon = ({ rig }: Stage) => rig.call('plan.abandon', { ...address, force: true });

/** Old or new, and the new one can be had. */
async function isAbandoned(stage: Stage): Promise<void> {
  const { rig } = stage;
  const { state } = await rig.call('plan.show', address);
  expect(['succeeded', 'abandoned']).toContain(state);
  if (state !== 'abandoned') await abandon(stage);
  const { outcome, worktree } = await rig.call('plan.show', address);
  expect(outcome).toMatchObject({ kind: 'abandoned', archive: 'archive/plan/login' });
  expect(worktree).toBeNull();
  expect(rig.repository.branches()).toEqual(['main']);
  expect(rig.repository.git('log', '-1', '--format=%s', 'archive/plan/login')).toBe('Login');
  expect(rig.repository.git('tag', '--list')).toBe('archive/plan/login');
  const snapshot = `refs/wtd/snapshots/${outcome?.snapshot ?? ''}`;
  expect(rig.repository.git('ls-tree', '-r', '--name-only', snapshot)).toContain('draft.txt');
}

/** A daemon that is killed while it moves the commits of a plan, or gives one up. */
export const planScenarios: Record<'rebase' | 'abandon', Scenario[]> = {
  rebase: [
    {
      title: 'plan.rebase',
      passesNot: ['rebase: stopped', 'rebase: undone'],
      prepare,
      act: rebase,
      verify: isRebased,
    },
    {
      title: 'plan.rebase with a conflict',
      passesNot: ['rebase: done', 'rebase: recorded'],
      prepare: prepareConflict,
      act: rebase,
      verify: isUndone,
    },
  ],
  abandon: [
    {
      title: 'plan.abandon --force',
      prepare: async (stage) => {
        await prepare(stage);
        checkoutOf(stage).write('draft.txt', 'draft\n');
      },
      act: abandon,
      verify: isAbandoned,
    },
  ],
};

/** The same at the steps of the removal of its worktree. */
export const abandonment: Scenario = {
  title: 'plan.abandon --force',
  passesNot: ['remove: plan deleted', 'remove: directory removed'],
  prepare: planScenarios.abandon[0]?.prepare ?? prepare,
  act: abandon,
  verify: isAbandoned,
};
