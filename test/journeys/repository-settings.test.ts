import { expect, test } from 'vitest';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const repository = 'shop';
const create = (rig: Rig, name: string) => rig.call('plan.create', { name, repository });
const workflow = (settings: object) => ({ '.claude/git-workflow.json': JSON.stringify(settings) });

test('what wtd.yaml says holds before git-workflow.json, and that before the configuration', async () => {
  const config = {
    worktrees: { branch_prefix: 'mine/', resource_limits: { max_memory_mb: 1000, max_cpu_percent: 50 } },
  };
  await using rig = await Rig.setUp({ config });
  await rig.call('repository.add', { path: rig.repository.path });
  expect(await create(rig, 'one')).toMatchObject({ branch: 'mine/one', base: 'main' });

  rig.repository.commit(workflow({ branch_prefix: 'flow/', merge_strategy: 'squash', hooks: { any: ['thing'] } }));
  expect(await create(rig, 'two')).toMatchObject({ branch: 'flow/two' });
  rig.repository.commit(workflow({ branch_prefix: 'flow/', worktrees: { branch_prefix: 'trees/', hooks: 1 } }));
  expect(await create(rig, 'three')).toMatchObject({ branch: 'trees/three' });

  rig.repository.git('branch', 'develop');
  const limits = { max_memory_mb: 2000, max_disk_mb: null };
  const own = { worktrees: { branch_prefix: 'own/', base: 'develop', resource_limits: limits } };
  rig.repository.commit({ 'wtd.yaml': JSON.stringify(own) });
  expect(await create(rig, 'four')).toMatchObject({ branch: 'own/four', base: 'develop' });
  const run = await rig.start('four', ['true']);
  expect(run.limits).toMatchObject({ maxMemoryMb: 2000, maxCpuPercent: 50, maxDiskMb: null });
  const started = await rig.start('five', ['true'], { base: 'main', limits: { maxMemoryMb: 10_000 } });
  expect(started.limits).toMatchObject({ maxMemoryMb: 10_000 });
  expect(await rig.call('plan.show', { plan: 'five', repository })).toMatchObject({ branch: 'own/five', base: 'main' });

  rig.repository.commit({ 'wtd.yaml': '' });
  expect(await create(rig, 'six')).toMatchObject({ branch: 'trees/six', base: 'main' });
});

test('of git-workflow.json only what wtd honours has to be right, and it can make nothing run', async () => {
  await using rig = await Rig.setUp();
  const setup = { run: [['touch', 'never']], copy: 'whatever' };
  rig.repository.commit(workflow({ worktrees: { setup, resource_limits: { max_memory_mb: 100 } }, branch_prefix: 1 }));
  const refusal = await rig.refusal('plan.start', {
    plan: 'login',
    repository: rig.repository.path,
    command: ['true'],
  });
  expect(refusal).toMatchObject({ code: 'INVALID_PARAMS' });
  expect(refusal.message).toContain('.claude/git-workflow.json is not valid: branch_prefix');
  rig.repository.commit(workflow({ worktrees: { setup, resource_limits: { max_memory_mb: 100 } } }));
  const run = await rig.start('login', ['test', '!', '-e', 'never']);
  expect(run.limits).toMatchObject({ maxMemoryMb: 100 });
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
});

test('the space that must stay free is as the repository says', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit(workflow({ resources: { min_disk_space_mb: 1_000_000_000 } }));
  const wish = { plan: 'login', repository: rig.repository.path, command: ['true'] };
  expect(await rig.refusal('plan.start', wish)).toMatchObject({ code: 'DISK_LOW', requiredMb: 1_000_000_000 });
  rig.repository.commit({ 'wtd.yaml': 'resources: { min_disk_space_mb: 0 }\n' });
  await rig.start('login', ['true']);
});

test('a file that is broken while a run waits ends that run with what is wrong, and not the queue', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
  const { child } = await rig.startSteered('busy');
  expect(await rig.start('login', ['true'])).toMatchObject({ state: 'queued' });
  rig.repository.write('wtd.yaml', 'wrong: 1\n');
  await child.exit(0);
  expect(await rig.wait('login')).toMatchObject({ state: 'failed', reason: 'spawn' });
  expect((await rig.wtd('logs', 'login')).stdout).toContain('unknown key wrong');
});

test('the doctor knows branches by the prefix of their repository', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ 'wtd.yaml': 'worktrees: { branch_prefix: team/ }\n' });
  await rig.call('repository.add', { path: rig.repository.path });
  rig.repository.git('branch', 'team/left');
  rig.repository.git('branch', 'plan/of-somebody');
  const { findings } = await rig.call('daemon.doctor', {});
  expect(findings).toMatchObject([{ kind: 'orphan_branch', subject: 'team/left' }]);
});

test('what new branches start from holds for whatever makes them', async () => {
  await using rig = await Rig.setUp();
  rig.repository.git('switch', '--quiet', '-c', 'develop');
  rig.repository.commit({ 'wtd.yaml': JSON.stringify({ worktrees: { base: 'develop' } }) });
  await rig.call('repository.add', { path: rig.repository.path });
  await rig.call('repository.update', { repository, defaultBranch: 'main' });
  const made = await rig.call('worktree.create', { repository, branches: ['topic'] });
  expect(made).toMatchObject({ created: [{ branch: 'topic', base: 'develop' }], failed: [] });
  const { worktree } = await rig.call('pool.acquire', { repository });
  expect(worktree).toMatchObject({ base: 'develop' });
  const heads = rig.repository.git('worktree', 'list', '--porcelain').match(/^HEAD .*$/gm);
  expect(new Set(heads)).toEqual(new Set([`HEAD ${rig.repository.git('rev-parse', 'develop').trim()}`]));
  const named = await rig.call('worktree.create', { repository, branches: ['other'], base: 'main' });
  expect(named).toMatchObject({ created: [{ base: 'main' }] });
});

test('what is made ready starts from there as well, also in a repository that nobody knew', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ 'wtd.yaml': JSON.stringify({ worktrees: { base: 'develop' } }) });
  rig.repository.git('branch', 'develop', 'HEAD~1');
  await rig.call('pool.warm', { repository: rig.repository.path, count: 1 });
  const { worktrees } = await rig.call('worktree.list', { repository });
  expect(worktrees).toMatchObject([{ kind: 'pool', state: 'available', base: 'develop' }]);
  const ready = rig.repository.at(worktrees[0]?.path ?? '');
  expect(ready.git('rev-parse', 'HEAD')).toBe(rig.repository.git('rev-parse', 'develop'));
});

test('a wtd.yaml that is not valid keeps nobody from looking, and from giving back', async () => {
  await using rig = await Rig.setUp();
  await rig.call('repository.add', { path: rig.repository.path });
  await rig.call('worktree.create', { repository, branches: ['topic'] });
  const { lease } = await rig.call('pool.acquire', { repository });
  await rig.call('pool.acquire', { repository, ttlMs: 1 });
  await rig.start('login', ['sleep', '60']);
  rig.repository.commit({ 'wtd.yaml': 'nonsense: 1' });
  expect(await rig.refusal('pool.acquire', { repository })).toMatchObject({ code: 'INVALID_PARAMS' });
  expect(await rig.call('pool.release', { lease: lease.id, fence: lease.fence })).toMatchObject({ reason: null });
  await until(async () => (await rig.call('pool.status', { repository })).inUse === 0, 'the overdue lease is ended');
  await rig.call('pool.drain', { repository });
  await until(
    async () => (await rig.call('worktree.list', { repository })).worktrees.length === 2,
    'both that were lent are gone',
  );
  expect((await rig.call('plan.list', { repository })).plans).toHaveLength(1);
  await rig.call('cleanup.run', { repository });
  expect(await rig.call('plan.stop', { repository, plan: 'login', force: true })).toMatchObject({ state: 'stopped' });
  expect(await rig.call('plan.remove', { repository, plan: 'login' })).toEqual({ removed: true });
  expect(await rig.call('worktree.remove', { repository, worktree: 'topic' })).toMatchObject({ removed: true });
});
