import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Plan } from '../../src/contract/models.ts';
import { footprint } from '../rig/footprint.ts';
import { tryListen } from '../rig/listener.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

/** wtd looks at the ports of the whole machine, so every test has its own, below those that outgoing connections take. */
const setUp = (base: number, ranges: number, more: object = {}) =>
  Rig.setUp({
    config: { ports: { base, range_size: 10, last: base + ranges * 10 - 1 }, limits: { max_concurrent: 10 }, ...more },
  });

async function startAll(rig: Rig, ...plans: string[]): Promise<void> {
  for (const plan of plans) {
    await rig.start(plan, ['true']);
    await rig.wait(plan);
  }
}

const show = (rig: Rig, plan: string): Promise<Plan> => rig.call('plan.show', { plan, repository: 'shop' });
const startOf = async (rig: Rig, plan: string): Promise<number | undefined> => (await show(rig, plan)).ports?.start;

test('each plan gets the lowest range that is free, and one that was given back comes first again', async () => {
  await using rig = await setUp(22_000, 5);
  await startAll(rig, 'a', 'b', 'c');
  expect(await Promise.all(['a', 'b', 'c'].map((plan) => startOf(rig, plan)))).toEqual([22_000, 22_010, 22_020]);
  expect(await show(rig, 'b')).toMatchObject({
    ports: { start: 22_010, end: 22_019 },
    worktree: { ports: { start: 22_010, end: 22_019 } },
  });
  await rig.call('plan.remove', { plan: 'b', repository: 'shop' });
  await startAll(rig, 'd', 'e');
  expect([await startOf(rig, 'd'), await startOf(rig, 'e')]).toEqual([22_010, 22_030]);
});

test('a run is told its range, the same at every start', async () => {
  await using rig = await setUp(22_100, 3);
  await startAll(rig, 'other');
  for (const attempt of [1, 2]) {
    await rig.start('login', ['sh', '-c', 'echo $PORT $WTD_PORT_START $WTD_PORT_END']);
    await rig.wait('login');
    const log = await rig.wtd('logs', 'login');
    expect(log.stdout, `attempt ${attempt}`).toBe('22110 22110 22119\n');
  }
});

test('plans that start at once get ranges that do not overlap', async () => {
  await using rig = await setUp(22_200, 6);
  const plans = ['a', 'b', 'c', 'd', 'e', 'f'];
  await Promise.all(plans.map((plan) => rig.start(plan, ['true'])));
  const starts = await Promise.all(plans.map((plan) => startOf(rig, plan)));
  expect(starts.sort()).toEqual([22_200, 22_210, 22_220, 22_230, 22_240, 22_250]);
});

test('a range in which somebody listens is passed over, whatever the address', async () => {
  await using rig = await setUp(22_300, 5);
  await using _loopback = await tryListen(22_305, '127.0.0.1');
  await using _anywhere = await tryListen(22_310, '0.0.0.0');
  await using six = await tryListen(22_329, '::1');
  await startAll(rig, 'a', 'b');
  expect(await startOf(rig, 'a')).toBe(six === undefined ? 22_320 : 22_330);
});

test('a range that became quiet again is given out again, and a plan keeps its own although somebody listens in it', async () => {
  await using rig = await setUp(22_400, 3);
  {
    await using _listener = await tryListen(22_400, '127.0.0.1');
    await startAll(rig, 'a');
    expect(await startOf(rig, 'a')).toBe(22_410);
  }
  await startAll(rig, 'b');
  expect(await startOf(rig, 'b')).toBe(22_400);
  await using _own = await tryListen(22_400, '127.0.0.1');
  await startAll(rig, 'b');
  expect(await startOf(rig, 'b')).toBe(22_400);
});

test('when no range is left a start is refused with PORTS_EXHAUSTED and what to do, and nothing is left behind', async () => {
  await using rig = await setUp(22_500, 2);
  await startAll(rig, 'a', 'b');
  const before = await footprint(rig);
  const refused = await rig.wtd('start', 'c', '--json', '--', 'true');
  expect(refused.exitCode).toBe(6);
  expect(refused.json()).toMatchObject({
    error: {
      code: 1006,
      data: { code: 'PORTS_EXHAUSTED', suggestions: expect.arrayContaining([expect.any(String)]) as unknown },
    },
  });
  expect(await footprint(rig)).toEqual(before);
  await rig.call('plan.remove', { plan: 'a', repository: 'shop' });
  await startAll(rig, 'c');
  expect(await startOf(rig, 'c')).toBe(22_500);
});

test('PORTS_EXHAUSTED names who could give a range back, what is missing or merged first, and who listens in the others', async () => {
  await using rig = await setUp(23_100, 5);
  await startAll(rig, 'used', 'gone');
  const work = 'echo work > work.txt && git add work.txt && git commit --quiet -m work';
  await rig.start('merged', ['sh', '-c', work]);
  await rig.wait('merged');
  rig.repository.git('merge', '--quiet', 'plan/merged');
  const { child } = await rig.startSteered('busy');
  rmSync(join(rig.repository.path, 'worktrees', 'plan-gone'), { recursive: true });
  await using _listener = await tryListen(23_144, '127.0.0.1');
  const params = { plan: 'more', repository: 'shop', command: ['true'], env: { ...rig.place.env } };
  const { suggestions, message } = await rig.refusal('plan.start', params);
  expect(message).toBe('no range of 10 ports is free up to 23149');
  expect(suggestions).toEqual([
    '`wtd plan remove gone --repo shop` gives 23110-23119 back: its directory is gone',
    '`wtd plan remove merged --repo shop` gives 23120-23129 back: it is merged',
    expect.stringMatching(/^`wtd plan remove used --repo shop` gives 23100-23109 back: last used \d+s ago$/),
    expect.stringMatching(
      new RegExp(`^23140-23149 is passed over, because .*node.* \\(pid ${process.pid}\\) listens on 23144$`),
    ),
  ]);
  await child.exit(0);
  await rig.wait('busy');
});

test('wtd ports shows every range, the lowest first, and who listens in it', async () => {
  await using rig = await setUp(23_200, 4);
  await startAll(rig, 'quiet', 'serving');
  await using _listener = await tryListen(23_213, '127.0.0.1');
  await using _elsewhere = await tryListen(23_225, '127.0.0.1');
  const { worktree } = await show(rig, 'serving');
  const { ranges } = await rig.call('port.list', {});
  expect(ranges).toMatchObject([
    { start: 23_200, end: 23_209, plan: 'quiet', repository: 'shop', listening: [] },
    {
      start: 23_210,
      end: 23_219,
      plan: 'serving',
      worktree: worktree?.id,
      name: 'plan-serving',
      path: worktree?.path,
      listening: [{ port: 23_213, pid: process.pid, command: expect.stringContaining('node') as unknown }],
    },
  ]);
  const printed = await rig.wtd('ports');
  expect(printed.stdout).toMatch(
    /^PORTS .*LISTENING\n23200-23209 +shop +quiet .* -\n23210-23219 +shop +serving .*23213 /,
  );
  expect((await rig.wtd('ports', '--json')).json()).toEqual({ ranges });
  await rig.call('plan.remove', { plan: 'quiet', repository: 'shop' });
  expect((await rig.call('port.list', {})).ranges).toHaveLength(1);
});

test('the first start of a repository that finds no port leaves not even an empty directory', async () => {
  await using rig = await setUp(22_600, 1);
  await using _listener = await tryListen(22_600, '127.0.0.1');
  const before = await footprint(rig);
  const params = { plan: 'login', repository: rig.repository.path, command: ['true'], env: { ...rig.place.env } };
  expect(await rig.refusal('plan.start', params)).toMatchObject({ code: 'PORTS_EXHAUSTED' });
  await until(async () => {
    expect(await footprint(rig)).toEqual(before);
    return true;
  }, 'everything is as it was');
});

test('a range survives the daemon, and a new configuration is followed for new plans only', async () => {
  await using rig = await setUp(22_700, 2);
  await startAll(rig, 'a');
  await rig.daemon.terminate();
  rig.place.configure({ ports: { base: 22_720, range_size: 5, last: 22_729 } });
  await rig.startDaemon();
  await startAll(rig, 'a', 'b', 'c');
  const ranges = await Promise.all(['a', 'b', 'c'].map(async (plan) => (await show(rig, plan)).ports));
  expect(ranges).toEqual([
    { start: 22_700, end: 22_709 },
    { start: 22_720, end: 22_724 },
    { start: 22_725, end: 22_729 },
  ]);
});

test('ranges that a smaller or larger size would cut are not given out', async () => {
  await using rig = await setUp(22_800, 1);
  await startAll(rig, 'a');
  rig.place.configure({ ports: { base: 22_795, range_size: 6, last: 22_820 } });
  await rig.call('daemon.reload', {});
  await startAll(rig, 'b');
  expect(await startOf(rig, 'b'), '22795, 22801 and 22807 would overlap with 22800 to 22809').toBe(22_813);
});
