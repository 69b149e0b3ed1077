import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../../src/contract/models.ts';
import type { Picture } from '../../src/contract/status.ts';
import { isInstalled } from '../rig/installed.ts';
import { Checkout, makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const checkoutOf = (rig: Rig, plan: string): Checkout =>
  new Checkout(join(rig.repository.path, 'worktrees', `plan-${plan}`), rig.place.env);

/** Until something is known of a plan; facts of git may be a moment old. */
const untilPlan = (rig: Rig, name: string, is: (plan: Plan) => boolean): Promise<Plan> =>
  until(async () => {
    const plan = await rig.call('plan.show', { plan: name, repository: 'shop' });
    return is(plan) ? plan : undefined;
  }, `the right thing is known of ${name}`);

test('wtd status shows state, plan, branch, ports and worktree of each plan, and a summary', async () => {
  await using rig = await Rig.setUp({
    config: { ports: { base: 23_100, last: 23_199 }, limits: { max_concurrent: 1, sample_interval: '200ms' } },
  });
  const none = await rig.wtd('status');
  expect(none.stdout).toContain('no plans here; start one with: wtd start <plan> -- <command>');
  await rig.start('broken', ['false']);
  await rig.wait('broken');
  const { child } = await rig.startSteered('login');
  await rig.start('search', ['true']);
  await rig.call('plan.create', { name: 'later', repository: 'shop' });

  const { stdout, stderr, exitCode } = await rig.wtd('status');
  expect([exitCode, stderr]).toEqual([0, '']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s{2,}/));
  expect(rows[0]?.slice(0, 4)).toEqual(['STATE', 'PLAN', 'BRANCH', 'PORTS']);
  const row = (plan: string) => rows.find((cells) => cells[1] === plan) ?? [];
  expect(row('broken').slice(0, 4)).toEqual(['failed', 'broken', 'plan/broken', '23100-23109']);
  expect(row('login').slice(0, 4)).toEqual(['running', 'login', 'plan/login', '23110-23119']);
  expect(row('login').at(-1)).toBe('worktrees/plan-login');
  expect(row('search').slice(0, 4)).toEqual(['queued #1', 'search', 'plan/search', '-']);
  expect(row('later').slice(0, 4)).toEqual(['idle', 'later', 'plan/later', '-']);
  expect(stdout).toMatch(/^4 plans, 1 running, 1 queued \(limit 1\), disk .* free$/m);
  expect(stdout, 'piped output has no escape codes').not.toContain('\u001b');
  await child.exit(0);
  await rig.wait('search');
});

test.runIf(process.platform === 'linux' && isInstalled('script'))(
  'states are in colour on a terminal only, unless NO_COLOR is set',
  async () => {
    await using rig = await Rig.setUp();
    const { child } = await rig.startSteered('login');
    const onTerminal = (env: object) =>
      execFileSync('script', ['-qec', `${process.execPath} ${program} status --all-plans`, '/dev/null'], {
        env: { ...rig.place.env, TERM: 'xterm', ...env },
        encoding: 'utf8',
        timeout: 20_000,
      });
    expect(onTerminal({})).toContain('\u001b[32mrunning\u001b[0m');
    expect(onTerminal({ NO_COLOR: '1' })).not.toContain('\u001b[');
    await child.exit(0);
    await rig.wait('login');
  },
);

test('wtd status --all-plans --json prints what status.get answers', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  await rig.call('plan.create', { name: 'search', repository: makeRepository(rig.place, 'blog').path });
  await rig.call('status.get', { allPlans: true });
  const printed = (await rig.wtd('status', '--all-plans', '--json')).json() as Picture;
  const asked = await rig.call('status.get', { allPlans: true });
  const still = ({ daemon, machine, ...rest }: Picture) => ({
    ...rest,
    daemon: { pid: daemon.pid, counts: { ...daemon.counts, connections: 1 } },
    machine: Object.keys(machine),
  });
  expect(still(printed)).toEqual(still(asked));
  expect(asked).toMatchObject({
    limits: { maxConcurrent: 3, running: 0, queued: 0 },
    worktrees: { total: 1, inUse: 1, available: 0, named: 0, failed: 0 },
    aggregate: { plans: 2, running: 0, queued: 0, tasks: { total: 0 }, percent: null },
    machine: { disk: { path: rig.place.home, state: 'ok' } },
    warnings: [],
  });
  expect(asked.machine.disk.freeMb).toBeGreaterThan(0);
  expect(asked.machine.loadAverage).toHaveLength(3);
});

test('the plans of the repository around are shown; outside of any, or with --all-plans, those of all', async () => {
  await using rig = await Rig.setUp();
  const blog = makeRepository(rig.place, 'blog');
  await rig.call('plan.create', { name: 'login', repository: rig.repository.path });
  await rig.call('plan.create', { name: 'search', repository: blog.path });
  const namesAt = async (cwd: string, ...flags: string[]): Promise<string[]> => {
    const { plans } = (await rig.spawnWtd(['status', '--json', ...flags], { cwd }).finished()).json() as Picture;
    return plans.map(({ repository, name }) => `${repository}/${name}`);
  };
  expect(await namesAt(rig.repository.path)).toEqual(['shop/login']);
  expect(await namesAt(blog.path)).toEqual(['blog/search']);
  expect(await namesAt(blog.path, '--repo', 'shop')).toEqual(['shop/login']);
  expect(await namesAt(rig.place.directory)).toEqual(['shop/login', 'blog/search']);
  expect(await namesAt(blog.path, '--all-plans')).toEqual(['shop/login', 'blog/search']);
  const table = await rig.spawnWtd(['status'], { cwd: rig.place.directory }).finished();
  expect(table.stdout).toMatch(/^REPOSITORY +STATE/);
});

test('dirty, ahead and behind follow what really happened in git', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  const worktree = checkoutOf(rig, 'login');
  await untilPlan(rig, 'login', ({ git }) => git?.ahead === 0 && git.behind === 0 && git.dirty === false);
  worktree.commit({ 'a.txt': 'a' });
  worktree.commit({ 'b.txt': 'b' });
  rig.repository.commit({ 'c.txt': 'c' });
  worktree.write('d.txt', 'd');
  const plan = await untilPlan(rig, 'login', ({ git }) => git?.ahead === 2 && git.behind === 1 && git.dirty === true);
  expect(plan).toMatchObject({ state: 'succeeded', worktree: { conditions: ['dirty'] } });
  expect((await rig.call('status.get', {})).plans).toMatchObject([{ git: { ahead: 2, behind: 1, dirty: true } }]);
  worktree.commit({ 'd.txt': 'd' });
  await untilPlan(rig, 'login', ({ git }) => git?.ahead === 3 && git.dirty === false);
  worktree.git('reset', '--quiet', '--hard', 'HEAD~3');
  await untilPlan(rig, 'login', ({ git }) => git?.ahead === 0 && git.behind === 1);
});

describe('a plan whose branch', () => {
  const merges: [how: string, merge: (rig: Rig) => void][] = [
    ['was merged', ({ repository }) => repository.git('merge', '--quiet', '--no-ff', '--no-edit', 'plan/login')],
    ['was fast-forwarded to', ({ repository }) => repository.git('merge', '--quiet', '--ff-only', 'plan/login')],
    [
      'was squashed into its base',
      ({ repository }) => {
        repository.git('merge', '--quiet', '--squash', 'plan/login');
        repository.git('commit', '--quiet', '--message', 'Squashed');
      },
    ],
  ];
  test.each(merges)('%s is completed, and hidden until all plans are asked for', async (how, merge) => {
    await using rig = await Rig.setUp();
    await rig.start('login', [
      'sh',
      '-c',
      'echo a > a.txt; git add .; git commit -qm a; echo b > a.txt; git commit -qam b',
    ]);
    await rig.wait('login');
    if (!how.includes('fast')) rig.repository.commit({ 'other.txt': 'other' });
    expect(await untilPlan(rig, 'login', ({ git }) => git?.ahead === 2)).toMatchObject({ state: 'succeeded' });
    merge(rig);
    const plan = await untilPlan(rig, 'login', ({ state }) => state === 'completed');
    expect(plan.worktree?.conditions).toEqual(['merged']);
    expect((await rig.wtd('status')).stdout).not.toContain('plan/login');
    expect((await rig.wtd('status', '--all-plans')).stdout).toMatch(/^completed +login +plan\/login/m);
    expect((await rig.call('status.get', {})).plans).toEqual([]);
  });

  test('has no commit of its own is not merged, however far the base went', async () => {
    await using rig = await Rig.setUp();
    await rig.start('login', ['true']);
    await rig.wait('login');
    rig.repository.commit({ 'other.txt': 'other' });
    expect(await untilPlan(rig, 'login', ({ git }) => git?.behind === 1)).toMatchObject({ state: 'succeeded' });
  });

  test('existed before with work that the base has is not merged by that', async () => {
    await using rig = await Rig.setUp();
    rig.repository.git('branch', 'plan/login');
    rig.repository.commit({ 'other.txt': 'other' });
    await rig.start('login', ['true']);
    await rig.wait('login');
    expect(await untilPlan(rig, 'login', ({ git }) => git?.behind === 1)).toMatchObject({ state: 'succeeded' });
  });

  test('was merged while its run goes on is running', async () => {
    await using rig = await Rig.setUp();
    const { child } = await rig.startSteered('login');
    checkoutOf(rig, 'login').commit({ 'a.txt': 'a' });
    rig.repository.git('merge', '--quiet', '--ff-only', 'plan/login');
    await untilPlan(rig, 'login', ({ worktree }) => worktree?.conditions.includes('merged') === true);
    expect((await rig.call('status.get', {})).plans).toMatchObject([{ name: 'login', state: 'running' }]);
    await child.exit(0);
    await untilPlan(rig, 'login', ({ state }) => state === 'completed');
  });
});

test('wtd status --watch prints at once, and again when something changed', async () => {
  await using rig = await Rig.setUp({ config: { limits: { sample_interval: '1h' } } });
  await using watch = rig.spawnWtd(['status', '--watch', '--json']);
  const pictures = () =>
    watch.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Picture);
  await until(() => pictures().length === 1, 'the first picture is printed');
  const { child } = await rig.startSteered('login');
  await until(() => pictures().at(-1)?.plans[0]?.state === 'running', 'the running plan is printed');
  await child.exit(0);
  await until(() => pictures().at(-1)?.plans[0]?.state === 'succeeded', 'the end is printed');
  expect(pictures()[0]?.plans).toEqual([]);
  await using people = rig.spawnWtd(['status', '--watch']);
  await until(() => people.stdout.includes('plan/login'), 'the table is printed');
  expect(people.stdout).not.toContain('\u001b');
});

test('usage is that of the whole process tree, and daemon.status counts what there is', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1, sample_interval: '200ms' } } });
  const { child } = await rig.startSteered('login');
  await child.fork();
  await child.forkEscaped();
  await rig.start('search', ['true']);
  const { run } = await untilPlan(rig, 'login', (plan) => (plan.run?.usage?.processes ?? 0) >= 3);
  expect(run?.usage).toMatchObject({ processes: 3 });
  expect(run?.usage?.memoryMb).toBeGreaterThan(0);
  expect(run?.usage?.sampledAt).toMatch(/Z$/);
  expect(run?.peak.memoryMb).toBeGreaterThan(0);
  const busy = await rig.call('daemon.status', {});
  expect(busy.counts).toEqual({ repositories: 1, worktrees: 1, plans: 2, running: 1, queued: 1, connections: 1 });
  expect(busy).toMatchObject({ pid: rig.daemon.pid, protocol: 1, socket: rig.place.socket, home: rig.place.home });
  expect(busy.memoryMb).toBeGreaterThan(10);

  await child.tell('kill %1; kill %2; while :; do :; done');
  await untilPlan(rig, 'login', (plan) => (plan.run?.usage?.cpuPercent ?? 0) > 10);
  await rig.call('plan.stop', { plan: 'login', repository: 'shop', force: true });
  await rig.wait('search');
  const ended = await rig.wait('login');
  expect(ended.usage).toBeNull();
  expect(ended.peak.cpuPercent).toBeGreaterThan(10);
  expect((await rig.call('daemon.status', {})).counts).toMatchObject({ running: 0, queued: 0, worktrees: 2 });
});
