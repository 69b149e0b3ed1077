import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/contract/models.ts';
import type { Client } from '../../src/client/client.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const all = async (rig: Rig): Promise<Event[]> => (await rig.call('event.list', { after: 0, limit: 1000 })).events;
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/** Many changes at once, over several connections. */
async function createPlans(rig: Rig, count: number, prefix = 'plan'): Promise<void> {
  const clients = await Promise.all(Array.from({ length: 5 }, () => rig.connect()));
  const create = (client: Client, number: number) =>
    client.call('plan.create', { name: `${prefix}-${number}`, repository: rig.repository.path });
  await Promise.all(upTo(count).map((number) => create(clients[number % 5] as Client, number)));
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
}

test('events are numbered without gaps across fifty changes at once, restarts and a kill', async () => {
  await using rig = await Rig.setUp();
  await createPlans(rig, 50);
  const before = await all(rig);
  expect(before.map(({ seq }) => seq)).toEqual(upTo(before.length));
  expect(before.filter(({ type }) => type === 'plan.created')).toHaveLength(50);
  expect(before.filter(({ type }) => type === 'repository.added')).toHaveLength(1);

  await rig.daemon.terminate();
  await rig.startDaemon();
  await rig.start('login', ['true']);
  await rig.wait('login');
  await rig.daemon.kill();
  await rig.startDaemon();
  const after = await all(rig);
  expect(after.map(({ seq }) => seq)).toEqual(upTo(after.length));
  expect(after.slice(0, before.length)).toEqual(before);
  const times = after.map(({ at }) => at);
  expect(times).toEqual([...times].sort());
});

test('a run leaves its story in the journal', async () => {
  await using rig = await Rig.setUp();
  const run = await rig.start('login', ['sh', '-c', 'exit 3']);
  await rig.wait('login');
  await rig.call('plan.remove', { plan: 'login', repository: 'shop' });
  const events = (await all(rig)).slice(1);
  expect(events.map(({ type }) => type)).toEqual([
    'repository.added',
    'plan.created',
    'run.starting',
    'worktree.created',
    'run.started',
    'run.ended',
    'worktree.snapshot',
    'worktree.removed',
    'plan.removed',
  ]);
  expect(events[4]).toMatchObject({
    repository: 'shop',
    plan: 'login',
    run: run.id,
    data: { pid: run.pid, kind: 'supervised' },
  });
  expect(events[5]).toMatchObject({
    plan: 'login',
    run: run.id,
    worktree: run.worktree,
    data: { state: 'failed', reason: 'exit', exitCode: 3, signal: null },
  });
});

describe('event.list', () => {
  test('answers the last ones, those after a number, at most so many, and only some types', async () => {
    await using rig = await Rig.setUp();
    await createPlans(rig, 8);
    const events = await all(rig);
    const newest = events.length;
    const list = async (params: object) => (await rig.call('event.list', params)).events.map(({ seq }) => seq);
    expect(await list({})).toEqual(upTo(newest));
    expect(await list({ limit: 3 })).toEqual([newest - 2, newest - 1, newest]);
    expect(await list({ after: 2, limit: 3 })).toEqual([3, 4, 5]);
    expect(await list({ after: newest })).toEqual([]);
    expect(await list({ after: newest + 1000 })).toEqual([]);
    expect(await list({ types: ['daemon.started'] })).toEqual([1]);
    expect(await list({ types: ['plan.created'], limit: 2 })).toEqual([newest - 1, newest]);
    expect(await list({ types: ['plan.created', 'daemon.started'], after: 0, limit: 2 })).toEqual([1, 3]);
    const printed = await rig.wtd('events', '--limit', '2', '--json');
    expect((printed.json() as { events: Event[] }).events).toEqual(events.slice(-2));
    expect((await rig.wtd('events', '--types', 'daemon.started')).stdout).toMatch(/^SEQ.*\n1 +.*daemon\.started/);
  });

  test('says NOT_FOUND, with the oldest, for events that are no longer kept', async () => {
    await using rig = await Rig.setUp({ config: { events: { keep: 5 } } });
    await createPlans(rig, 10);
    await rig.daemon.terminate();
    await rig.startDaemon();
    const oldest = await until(async () => {
      const [first] = (await rig.call('event.list', {})).events;
      return first && first.seq > 1 ? first.seq : undefined;
    }, 'the cleanup at the start has trimmed the journal');
    const { events } = await rig.call('event.list', {});
    expect(events.length).toBeLessThanOrEqual(6);
    expect(events.map(({ seq }) => seq)).toEqual(upTo(events.length).map((number) => oldest + number - 1));
    for (const method of ['event.list', 'event.watch'] as const) {
      await using client = await rig.connect();
      const ask = async () => {
        if (method === 'event.list') await client.call(method, { after: 0 });
        else await client.stream(method, { after: 0 })[Symbol.asyncIterator]().next();
      };
      await expect(ask()).rejects.toMatchObject({ data: { code: 'NOT_FOUND', kind: 'event', oldest } });
    }
    expect((await rig.call('event.list', { after: oldest - 1 })).events).toHaveLength(events.length);
    expect((await rig.wtd('events', '--after', '1')).exitCode).toBe(3);
  });
});

describe('event.watch', () => {
  /** Takes so many items, then hangs up; answers their numbers. */
  async function take(
    rig: Rig,
    params: { after?: number; types?: ['plan.created'] },
    count: number,
  ): Promise<number[]> {
    await using client = await rig.connect();
    const taken: number[] = [];
    for await (const { seq } of client.stream('event.watch', params)) if (taken.push(seq) === count) break;
    return taken;
  }

  test('goes on from the last number with none lost and none twice, while events happen', async () => {
    await using rig = await Rig.setUp();
    const happening = Promise.all(['a', 'b', 'c', 'd'].map((prefix) => createPlans(rig, 15, prefix)));
    const seen: number[] = [];
    // 1 start, 1 repository, 60 plans.
    while (seen.length < 62) {
      seen.push(...(await take(rig, { after: seen.at(-1) ?? 0 }, Math.min(7, 62 - seen.length))));
    }
    await happening;
    expect(seen).toEqual(upTo(62));
    expect((await all(rig)).map(({ seq }) => seq)).toEqual(seen);
  });

  test('goes on over a restart of the daemon', async () => {
    await using rig = await Rig.setUp();
    await createPlans(rig, 3);
    const first = await take(rig, { after: 0 }, 5);
    await rig.daemon.terminate();
    await rig.startDaemon();
    const second = await take(rig, { after: first.at(-1) ?? 0 }, 2);
    expect([...first, ...second]).toEqual(upTo(7));
    const types = (await all(rig)).slice(5).map(({ type }) => type);
    expect(types).toEqual(['daemon.stopping', 'daemon.started']);
  });

  test('without a number begins with what happens next, and gives only the types asked for', async () => {
    await using rig = await Rig.setUp();
    await createPlans(rig, 2, 'old');
    await using client = await rig.connect();
    const items = client.stream('event.watch', { types: ['plan.created'] })[Symbol.asyncIterator]();
    const next = items.next();
    await client.call('event.list', { limit: 1 });
    await rig.start('login', ['true']);
    expect((await next).value).toMatchObject({ type: 'plan.created', plan: 'login' });
    await rig.call('plan.create', { name: 'search', repository: 'shop' });
    expect((await items.next()).value).toMatchObject({ type: 'plan.created', plan: 'search' });
  });

  test('is what wtd events -f prints, line by line', async () => {
    await using rig = await Rig.setUp();
    await using follow = rig.spawnWtd(['events', '-f', '--after', '0', '--json']);
    await until(() => follow.stdout.includes('daemon.started'), 'the first event is printed');
    await createPlans(rig, 1);
    await until(() => follow.stdout.includes('plan.created'), 'the new event is printed');
    const printed = follow.stdout.split('\n').slice(0, -1);
    expect(printed.map((line) => JSON.parse(line) as Event)).toEqual(await all(rig));
  });
});
