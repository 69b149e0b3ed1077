import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Result } from '../../src/contract/index.ts';
import { examine, finishPlan } from '../rig/doctor.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

test('wtd doctor says that everything agrees and what the machine can do, and exits 0', async () => {
  await using rig = await Rig.setUp();
  await finishPlan(rig, 'login');
  const done = await rig.wtd('doctor');
  expect([done.exitCode, done.stderr]).toEqual([0, '']);
  expect(done.stdout).toMatch(
    /^git, database and processes agree\n\nexecutor .*\nlimits .*\nservice +none\ngit +\d.*\nnode +\d/,
  );
  const answer = await rig.wtd('doctor', '--json');
  expect(answer.json()).toEqual(await rig.call('daemon.doctor', {}));
  expect(answer.json()).toMatchObject({
    findings: [],
    facts: { service: 'none', node: process.versions.node, git: expect.stringMatching(/^\d+\.\d+/) as string },
  });
});

test('wtd doctor exits 1 while something is left to mend, and says what to do', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  rig.repository.git('branch', 'plan/theirs');
  rmSync(worktree.path, { recursive: true });

  const found = await rig.wtd('doctor');
  expect([found.exitCode, found.stderr]).toEqual([1, '']);
  expect(found.stdout).toContain('found row without worktree: worktrees/plan-login (shop)\n');
  expect(found.stdout).toContain('mend it with `wtd doctor --repair`');
  expect(found.stdout).toContain('\n2 left\n');

  const mended = await rig.wtd('doctor', '--repair');
  expect(mended.exitCode, 'one is left to people').toBe(1);
  expect(mended.stdout).toContain('repaired row without worktree: worktrees/plan-login (shop)\n');
  expect(mended.stdout).toContain('found orphan branch: plan/theirs (shop)\n');
  expect(mended.stdout).toContain('\n1 repaired, 1 left\n');

  const left = await rig.wtd('doctor', '--repair', '--json');
  expect(left.exitCode).toBe(1);
  const { findings } = left.json() as Result<'daemon.doctor'>;
  expect(findings).toEqual(await examine(rig));
  rig.repository.git('branch', '-d', 'plan/theirs');
  expect((await rig.wtd('doctor', '--repair')).exitCode).toBe(0);
});

test('wtd doctor --repair exits 0 once all is mended', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  rmSync(worktree.path, { recursive: true });
  const mended = await rig.wtd('doctor', '--repair', '--json');
  expect(mended.exitCode).toBe(0);
  expect(mended.json()).toMatchObject({ findings: [{ kind: 'row_without_worktree', repaired: true, advice: null }] });
});

test('the picture warns of differences soon, mends nothing, and stops warning when they are gone', async () => {
  await using rig = await Rig.setUp({ config: { schedule: { reconcile: '* * * * * *' } } });
  await finishPlan(rig, 'login');
  const warnings = async () => (await rig.call('status.get', {})).warnings;
  expect(await warnings()).toEqual([]);
  rig.repository.git('branch', 'plan/one');
  await until(async () => (await warnings()).some((text) => text.includes('1 difference between')), 'it warns of one');
  rig.repository.git('branch', 'plan/two');
  await until(async () => (await warnings()).some((text) => text.includes('2 differences between')), 'it warns of two');
  expect((await rig.wtd('status')).stdout).toContain('see `wtd doctor`');
  rig.repository.git('branch', '-d', 'plan/one', 'plan/two');
  await until(async () => (await warnings()).length === 0, 'it warns no more');
  expect(await rig.call('event.list', { types: ['doctor.repaired'] })).toEqual({ events: [] });
});

test('a daemon that starts compares at once', async () => {
  await using rig = await Rig.setUp();
  await finishPlan(rig, 'login');
  await rig.daemon.kill();
  rig.repository.git('branch', 'plan/theirs');
  await rig.startDaemon();
  await until(async () => (await rig.call('status.get', {})).warnings.length === 1, 'it warns');
});

test('a daemon that is busy starting, ending and removing plans has no findings', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 3 } } });
  const fewestLooks = 5;
  let looks = 0;
  const workers = [1, 2, 3].map(async (worker) => {
    for (let round = 1; round <= 4 || looks < fewestLooks; round++) {
      const plan = `plan-${worker}-${round}`;
      await finishPlan(rig, plan, round % 2 === 0 ? 'git commit -q --allow-empty -m work' : ':');
      await rig.refusal('plan.start', { plan: `${plan}-bad`, repository: 'shop', command: ['no-such-program'] });
      await rig.call('plan.remove', { plan, repository: 'shop' });
    }
  });
  const ended = new AbortController();
  const work = Promise.all(workers).finally(() => {
    ended.abort();
  });
  const findings: unknown[] = [];
  for (; !ended.signal.aborted; looks++) {
    findings.push(...(await rig.call('daemon.doctor', { repair: true })).findings);
  }
  await work;
  expect(findings).toEqual([]);
  expect(await examine(rig)).toEqual([]);
});
