import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { examine, finishPlan, kindsOf, repair, whileDead, whileDeadSql, worktreeOf } from '../rig/doctor.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

/** What daemon.doctor mends: found, mended, and gone. */
async function expectMended(rig: Rig, kind: string, subject: string): Promise<void> {
  const found = await examine(rig);
  expect(kindsOf(found)).toEqual([[kind, subject, false]]);
  expect(found[0]?.advice).toContain('`wtd doctor --repair`');
  expect(kindsOf(await examine(rig)), 'asking changes nothing').toEqual([[kind, subject, false]]);
  const mended = await repair(rig);
  expect(mended.map(({ kind: what, subject: which, repaired, advice }) => [what, which, repaired, advice])).toEqual([
    [kind, subject, true, null],
  ]);
  expect(await examine(rig)).toEqual([]);
  const { events } = await rig.call('event.list', { types: ['doctor.repaired'] });
  expect(events.at(-1)?.data).toEqual({ kind, subject });
}

test('a home in which everything agrees has no findings, whatever its plans do', async () => {
  await using rig = await Rig.setUp();
  await finishPlan(rig, 'ended');
  await finishPlan(rig, 'worked', 'git commit -q --allow-empty -m work');
  await rig.call('plan.create', { name: 'idle', repository: 'shop' });
  const { child } = await rig.startSteered('running');
  await child.forkEscaped();
  rig.repository.linkWorktree('mine');
  expect(await examine(rig)).toEqual([]);
  expect(await repair(rig)).toEqual([]);
  expect(await rig.call('event.list', { types: ['doctor.repaired'] })).toEqual({ events: [] });
});

test('a row whose directory was deleted goes, with its ports and the entry of git; plan and branch stay', async () => {
  await using rig = await Rig.setUp({ config: { ports: { base: 21_200, last: 21_299 } } });
  const worktree = await finishPlan(rig, 'login');
  const { ports } = await rig.call('plan.show', { plan: 'login', repository: 'shop' });
  rmSync(worktree.path, { recursive: true });
  await expectMended(rig, 'row_without_worktree', worktree.path);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect(rig.repository.branches()).toEqual(['main', 'plan/login']);
  const plan = await rig.call('plan.show', { plan: 'login', repository: 'shop' });
  expect(plan).toMatchObject({ state: 'succeeded', worktree: null, ports: null });
  expect((await rig.call('daemon.status', {})).counts.worktrees).toBe(0);

  await finishPlan(rig, 'search');
  expect((await rig.call('plan.show', { plan: 'search', repository: 'shop' })).ports).toEqual(ports);
  await finishPlan(rig, 'login');
  expect(existsSync(join(worktree.path, 'README.md'))).toBe(true);
  expect(await examine(rig)).toEqual([]);
});

test('a row whose directory was deleted while no daemon lived goes as well', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login', 'git commit -q --allow-empty -m work');
  const tip = rig.repository.git('rev-parse', 'plan/login');
  await whileDead(rig, () => {
    rmSync(worktree.path, { recursive: true });
  });
  await expectMended(rig, 'row_without_worktree', worktree.path);
  expect(rig.repository.git('rev-parse', 'plan/login')).toBe(tip);
});

test('a row that git lists no more goes, and the files in its directory stay', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login', 'echo work > work.txt');
  rmSync(join(rig.repository.path, '.git', 'worktrees', 'plan-login'), { recursive: true });
  const [found] = await examine(rig);
  expect(found?.detail).toContain('git does not list it');
  expect(found?.advice).toContain(`the files in ${worktree.path} stay`);
  await expectMended(rig, 'row_without_worktree', worktree.path);
  expect(existsSync(join(worktree.path, 'work.txt'))).toBe(true);
});

test('ports that no plan has are free again once the worktree without work is removed', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  await whileDeadSql(rig, 'UPDATE plans SET worktree_id = NULL');
  await expectMended(rig, 'port_without_owner', worktree.path);
  expect(existsSync(worktree.path)).toBe(false);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect((await rig.call('daemon.status', {})).counts.worktrees).toBe(0);
});

test("an entry of git's goes when wtd locked it and its directory is gone, and its branch with it when empty", async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  await whileDead(rig, () => {
    rmSync(worktree.path, { recursive: true });
  });
  await whileDeadSql(
    rig,
    'UPDATE plans SET worktree_id = NULL',
    "UPDATE worktrees SET state = 'removed', removed_at = 1",
  );
  await expectMended(rig, 'prunable_entry', worktree.path);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect(rig.repository.branches(), 'the plan still has it').toEqual(['main', 'plan/login']);
});

test('what is mended may uncover more, which one repair mends as well', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  rmSync(worktree.path, { recursive: true });
  for (const run of readdirSync(join(rig.place.home, 'runs'))) {
    rmSync(join(rig.place.home, 'runs', run), { recursive: true });
  }
  await whileDeadSql(rig, 'DELETE FROM plans', `UPDATE worktrees SET state = 'removed', removed_at = ${Date.now()}`);
  expect(kindsOf(await examine(rig))).toEqual([['prunable_entry', worktree.path, false]]);
  expect(kindsOf(await repair(rig))).toEqual([
    ['prunable_entry', worktree.path, true],
    ['orphan_branch', 'plan/login', true],
  ]);
  expect(rig.repository.branches()).toEqual(['main']);
  expect(await examine(rig)).toEqual([]);
});

test('a branch that wtd made goes when nothing is on it and nobody has it', async () => {
  await using rig = await Rig.setUp();
  await finishPlan(rig, 'login', 'git commit -q --allow-empty -m work');
  await rig.call('plan.remove', { plan: 'login', repository: 'shop' });
  expect(await examine(rig), 'a branch with commits was kept on purpose').toEqual([]);
  rig.repository.git('branch', '--force', 'plan/login', 'main');
  rig.repository.git('config', 'branch.plan/login.description', 'ours');
  await expectMended(rig, 'orphan_branch', 'plan/login');
  expect(rig.repository.branches()).toEqual(['main']);
  expect(rig.repository.git('config', '--list')).not.toContain('plan/login');
});

test('a directory of a run goes when wtd does not know the run and nothing was ever tried in it', async () => {
  await using rig = await Rig.setUp();
  const stray = join(rig.place.home, 'runs', 'stray');
  mkdirSync(stray);
  await expectMended(rig, 'run_directory_without_row', 'stray');
  expect(existsSync(stray)).toBe(false);
});

test('doctors who repair at once mend everything once', async () => {
  await using rig = await Rig.setUp();
  const plans = ['one', 'two', 'three'];
  for (const plan of plans) rmSync((await finishPlan(rig, plan)).path, { recursive: true });
  const answers = await Promise.all([repair(rig), repair(rig), repair(rig)]);
  expect(kindsOf(answers.flat()).sort()).toEqual(
    plans.map((plan) => ['row_without_worktree', worktreeOf(rig, plan).path, true]).sort(),
  );
  const { events } = await rig.call('event.list', { types: ['doctor.repaired'] });
  expect(events).toHaveLength(plans.length);
});

test('a repair during which the daemon is killed is finished by the next one', async () => {
  await using rig = await Rig.setUp();
  const plans = ['one', 'two', 'three', 'four'];
  for (const plan of plans) rmSync((await finishPlan(rig, plan)).path, { recursive: true });
  await using client = await rig.connect();
  const answer = client.call('daemon.doctor', { repair: true }).catch(() => undefined);
  const { counts } = await until(async () => {
    const status = await rig.call('daemon.status', {});
    return status.counts.worktrees < plans.length && status;
  }, 'one of them is mended');
  await rig.daemon.kill();
  expect(await answer, 'it was killed before it was done').toBeUndefined();
  await rig.startDaemon();
  const mended = await repair(rig);
  expect(mended.length).toBeGreaterThan(0);
  expect(mended.length).toBeLessThanOrEqual(counts.worktrees);
  expect(mended.every(({ repaired }) => repaired)).toBe(true);
  expect(await examine(rig)).toEqual([]);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect(rig.repository.branches()).toEqual(['main', ...plans.map((plan) => `plan/${plan}`)].sort());
});
