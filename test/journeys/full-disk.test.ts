import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { expect, test, type TestContext } from 'vitest';
import { faultPoints } from '../../src/base/fault-point.ts';
import { Daemon } from '../rig/daemon.ts';
import { footprint } from '../rig/footprint.ts';
import { Rig } from '../rig/rig.ts';
import { SmallDisk } from '../rig/small-disk.ts';
import { until } from '../rig/until.ts';

const config = { limits: { max_concurrent: 10 }, resources: { min_disk_space_mb: 0, warn_disk_space_mb: 0 } };

function mount({ skip }: TestContext, path: string, megabytes: number): SmallDisk {
  const disk = SmallDisk.mount(path, megabytes);
  return typeof disk === 'string' ? skip(disk) : disk;
}

/** A rig whose home lies on a small disk. */
async function onSmallDisk(context: TestContext) {
  const rig = await Rig.setUp({ daemon: false });
  const disk = mount(context, rig.place.home, 4);
  rig.place.configure(config);
  return { rig, disk };
}

/** Seconds of processor time that a process has used. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const fullAt = (path: string) => ({
  code: 'DISK_LOW',
  path: expect.stringContaining(path) as unknown,
  message: expect.stringContaining(path) as unknown,
  hint: expect.stringContaining('free some space') as unknown,
});

test(
  'on a full home every change is refused with its path, reads and runs go on, and no end is lost',
  { timeout: 120_000 },
  async (context) => {
    const { rig: unused, disk: small } = await onSmallDisk(context);
    await using rig = unused;
    using disk = small;
    const { home } = rig.place;
    await rig.startDaemon();
    const repository = rig.repository.path;
    const { run, child } = await rig.startSteered('login');
    const other = await rig.startSteered('search');
    const registered = await rig.call('run.register', { plan: 'mine', repository });
    const before = await footprint(rig);
    disk.fill();

    const filled = { at: performance.now(), used: processorSeconds(rig.daemon.pid) };
    expect(await rig.refusal('plan.create', { name: 'new', repository })).toMatchObject(fullAt(home));
    expect(await rig.refusal('plan.start', { plan: 'new', repository, command: ['true'] })).toMatchObject(fullAt(home));
    expect(await rig.refusal('run.register', { plan: 'new', repository })).toMatchObject(fullAt(home));
    const { run: id, token } = registered;
    expect(await rig.refusal('run.heartbeat', { run: id, token })).toMatchObject(fullAt(home));
    expect(await rig.refusal('plan.stop', { plan: 'search', repository })).toMatchObject(fullAt(home));
    const refused = await rig.wtd('start', 'new', '--', 'true');
    expect([refused.exitCode, refused.stderr]).toEqual([6, expect.stringContaining(home)]);

    await child.exit(7);
    expect(await rig.call('status.get', {})).toMatchObject({ daemon: { pid: rig.daemon.pid } });
    expect(await footprint(rig)).toEqual(before);
    // Until the end of the run was found and could not be written several times over.
    await until(() => performance.now() - filled.at > 3000, 'the disk was full for a while');
    const used = processorSeconds(rig.daemon.pid) - filled.used;
    expect(used / ((performance.now() - filled.at) / 1000), 'processors kept busy').toBeLessThan(0.5);
    expect((await rig.call('run.show', { run: run.id })).state).toBe('running');

    disk.free();
    expect(await rig.wait('login')).toMatchObject({ state: 'failed', exitCode: 7 });
    expect(await rig.start('new', ['true'])).toMatchObject({ attempt: 1 });
    expect(await rig.wait('new')).toMatchObject({ state: 'succeeded' });
    expect(await rig.call('plan.stop', { plan: 'search', repository })).toMatchObject({ state: 'stopped' });
    expect(other.child.starts()).toEqual([other.run.pid]);
    await rig.call('daemon.reload', {}); // something to log
    await until(
      () => rig.daemon.readLog().includes('short of files or space'),
      'what could not be logged is logged now',
    );
    expect(await rig.call('run.finish', { run: id, token, exitCode: 0 })).toMatchObject({ state: 'succeeded' });
    expect(await rig.daemon.terminate()).toMatchObject({ exitCode: 0 });
  },
);

test('a start that meets the full disk halfway is taken back as soon as it can be written', async (context) => {
  const { rig: unused, disk: small } = await onSmallDisk(context);
  await using rig = unused;
  using disk = small;
  await rig.startDaemon();
  await rig.call('repository.add', { path: rig.repository.path });
  const before = await footprint(rig);
  // The disk runs full while the files of the worktree are written.
  const filter = join(rig.place.directory, 'filter.sh');
  writeFileSync(filter, `while [ ! -e "${filter}.full" ]; do sleep 0.05; done\ncat\n`);
  rig.repository.git('config', 'filter.slow.smudge', `sh ${filter}`);
  rig.repository.commit({ '.gitattributes': '*.slow filter=slow\n', 'a.slow': 'slow\n' });
  const refused = rig.refusal('plan.start', { plan: 'login', repository: 'shop', command: ['true'] });
  await until(() => existsSync(join(rig.repository.path, 'worktrees', 'plan-login', '.git')), 'the checkout began');
  disk.fill();
  writeFileSync(`${filter}.full`, '');

  expect(await refused).toMatchObject(fullAt(rig.place.home));
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  disk.free();
  await until(async () => {
    expect({ ...(await footprint(rig)), gitConfig: '' }).toEqual({ ...before, gitConfig: '' });
    return true;
  }, 'everything is taken back');
  expect(await rig.start('login', ['true'])).toMatchObject({ state: 'running' });
  expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
  await rig.daemon.terminate();
});

test('a daemon that comes up on a full disk serves, and records what happened once there is space', async (context) => {
  const { rig: unused, disk: small } = await onSmallDisk(context);
  await using rig = unused;
  using disk = small;
  await rig.startDaemon();
  const { run, child } = await rig.startSteered('login');
  const other = await rig.startSteered('search');
  await rig.daemon.kill();
  disk.fill();
  await child.exit(7);
  await rig.startDaemon();
  expect((await rig.call('plan.list', {})).plans).toHaveLength(2);
  expect((await rig.call('run.show', { run: other.run.id })).state).toBe('running');
  disk.free();
  expect(await rig.call('plan.wait', { run: run.id })).toMatchObject({ state: 'failed', exitCode: 7 });
  await other.child.exit(3);
  expect(await rig.call('plan.wait', { run: other.run.id })).toMatchObject({ state: 'failed', exitCode: 3 });
  expect(await rig.daemon.terminate()).toMatchObject({ exitCode: 0 });
});

test('the very first start on a full disk says so and names the home', async (context) => {
  const { rig: unused, disk: small } = await onSmallDisk(context);
  await using rig = unused;
  using disk = small;
  disk.fill();
  await using daemon = new Daemon(rig.place);
  expect(await daemon.untilDecided()).toBe(false);
  const { exitCode, stderr } = await daemon.ended();
  expect([exitCode, stderr]).toEqual([6, expect.stringContaining(rig.place.home)]);
  expect(stderr).not.toMatch(/ {4}at /);
  disk.free();
  await using _next = await Daemon.start(rig.place);
  expect((await rig.start('login', ['true'])).state).toBe('running');
});

test('a worktree that does not fit is refused with its path and leaves nothing; other plans go on', async (context) => {
  await using rig = await Rig.setUp({ config });
  using disk = mount(context, join(rig.repository.path, 'worktrees'), 2);
  rig.repository.git('config', 'core.excludesFile', join(rig.place.directory, 'none'));
  writeFileSync(join(rig.repository.path, '.git/info/exclude'), '/worktrees\n');
  rig.repository.commit({ 'large.bin': 'x'.repeat(700_000) });
  const { run, child } = await rig.startSteered('login');
  const before = await footprint(rig);
  disk.fill();

  const start = { plan: 'search', repository: 'shop', command: ['true'] };
  expect(await rig.refusal('plan.start', start)).toMatchObject(fullAt(join(disk.path, 'plan-search')));
  expect(await rig.refusal('run.register', { plan: 'search', repository: 'shop' })).toMatchObject(fullAt(disk.path));
  await until(async () => {
    expect(await footprint(rig)).toEqual(before);
    return true;
  }, 'nothing is left behind');
  expect((await rig.call('run.show', { run: run.id })).state).toBe('running');
  await rig.call('plan.create', { name: 'idle', repository: 'shop' });

  disk.free();
  expect(await rig.start('search', ['true'])).toMatchObject({ attempt: 1 });
  expect(await rig.wait('search')).toMatchObject({ state: 'succeeded' });
  await child.exit(5);
  expect(await rig.wait('login')).toMatchObject({ exitCode: 5 });
});

test('with too little space left a start is refused before anything is made', async (context) => {
  await using rig = await Rig.setUp({ config: { resources: { min_disk_space_mb: 100 } } });
  const place = rig.place.makeDirectory('small');
  using disk = mount(context, place, 2);
  rig.repository.git('clone', '--quiet', '.', join(disk.path, 'small'));
  const refused = await rig.refusal('plan.start', {
    plan: 'login',
    repository: join(disk.path, 'small'),
    command: ['true'],
  });
  expect(refused).toMatchObject({ code: 'DISK_LOW', requiredMb: 100 });
  expect((await rig.call('plan.list', {})).plans).toEqual([]);
});

/** Where something has just been written and nothing was executed yet. */
const writes = faultPoints.filter((point) =>
  /^(create: |start: (?!parent|executed|recorded|environment forgotten))/.test(point),
);

test(
  'a start that finds no space at any step is refused, leaves nothing and succeeds when repeated',
  { timeout: 120_000 },
  async () => {
    const limit = pLimit(3);
    const startAt = async (point: string) => {
      await using rig = await Rig.setUp({ config, daemonEnv: { WTD_FAULT: `${point}:1:enospc` } });
      await rig.call('repository.add', { path: rig.repository.path });
      const before = await footprint(rig);
      const child = rig.steered('login');
      const params = { plan: 'login', repository: 'shop', command: child.command };
      expect(await rig.refusal('plan.start', params), point).toMatchObject(fullAt(rig.place.home));
      await until(async () => {
        expect(await footprint(rig), point).toEqual(before);
        return true;
      }, 'nothing is left behind');
      const run = await rig.call('plan.start', params);
      await child.untilStarted();
      expect([run.state, child.starts()], point).toEqual(['running', [run.pid]]);
    };
    expect(writes).toContain('create: recorded');
    await Promise.all(writes.map((point) => limit(() => startAt(point))));
  },
);
