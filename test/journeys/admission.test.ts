import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Run } from '../../src/contract/models.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const show = (rig: Rig, { id }: Run) => rig.call('run.show', { run: id });

const untilRunning = (rig: Rig, run: Run) =>
  until(async () => (await show(rig, run)).state === 'running', `${run.plan} runs`);

const warningsOf = async (rig: Rig, { plan, repository }: Run) =>
  (await rig.call('plan.show', { plan, repository })).warnings.join();

/** More than half of what is free, so that it fits once and not twice. */
async function mostOfTheDisk(rig: Rig): Promise<number> {
  const { machine } = await rig.call('status.get', {});
  return Math.floor((machine.disk.freeMb ?? 0) * 0.6);
}

const noReserve = { resources: { min_disk_space_mb: 0 } };

test('space that was promised to one run is not promised to another', async () => {
  await using rig = await Rig.setUp({ config: noReserve });
  const maxDiskMb = await mostOfTheDisk(rig);
  const limits = { maxDiskMb };
  const repository = rig.repository.path;
  await rig.start('first', ['sleep', '1000'], { limits });

  const refusal = await rig.refusal('plan.start', { plan: 'second', repository, command: ['true'], limits });
  expect(refusal).toMatchObject({ code: 'DISK_LOW', path: repository });
  expect(refusal['requiredMb']).toBeGreaterThan(maxDiskMb * 1.5);
  expect(refusal['freeMb']).toBeLessThan(Number(refusal['requiredMb']));
  expect(refusal['suggestions']).toEqual(expect.arrayContaining([expect.stringContaining('--max-disk-mb')]));
  const { plans } = await rig.call('plan.list', {});
  expect([plans.map(({ name }) => name), readdirSync(join(rig.place.home, 'runs')).length]).toEqual([['first'], 1]);
  expect(await rig.start('small', ['sleep', '1000'])).toMatchObject({ state: 'running' });

  await rig.call('plan.stop', { plan: 'first' });
  expect(await rig.start('second', ['sleep', '1000'], { limits })).toMatchObject({ state: 'running', limits });
});

test('of many starts at once only as many are admitted as there is space for', async () => {
  await using rig = await Rig.setUp({ config: { ...noReserve, limits: { max_concurrent: 10 } } });
  const limits = { maxDiskMb: await mostOfTheDisk(rig) };
  const starts = ['a', 'b', 'c', 'd'].map((plan) => rig.start(plan, ['sleep', '1000'], { limits }));
  const results = await Promise.allSettled(starts);
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ data: { code: 'DISK_LOW' } });
  }
});

test('a queued run waits for space and says so, while others pass', async () => {
  await using rig = await Rig.setUp({ config: { ...noReserve, limits: { max_concurrent: 1 } } });
  const other = makeRepository(rig.place, 'other');
  const maxDiskMb = await mostOfTheDisk(rig);
  await rig.start('first', ['sleep', '1000']);
  const large = await rig.start('large', ['sleep', '1000'], { limits: { maxDiskMb } });
  const behind = await rig.start('behind', ['sleep', '1000']);
  const elsewhere = await rig.start('elsewhere', ['sleep', '1000'], { repository: other.path });
  expect([large, behind, elsewhere].map(({ state }) => state)).toEqual(['queued', 'queued', 'queued']);

  rig.place.configure({ resources: { min_disk_space_mb: maxDiskMb }, limits: { max_concurrent: 4 } });
  await rig.call('daemon.reload', {});
  await untilRunning(rig, elsewhere);
  await until(async () => (await warningsOf(rig, large)).includes('waits for space'), 'the large one says so');
  expect((await show(rig, large)).state).toBe('queued');
  expect((await show(rig, behind)).state, 'nobody of its repository overtakes it').toBe('queued');

  rig.place.configure({ ...noReserve, limits: { max_concurrent: 4 } });
  await rig.call('daemon.reload', {});
  await untilRunning(rig, large);
  await untilRunning(rig, behind);
  expect(await warningsOf(rig, large)).toBe('');
});

test('a busy machine takes no more runs, until it is less busy', { timeout: 90_000 }, async () => {
  await using rig = await Rig.setUp();
  const { child } = await rig.startSteered('burner');
  const core = '(while :; do :; done) </dev/null >/dev/null 2>&1 3<&- & ';
  await child.ask(`${core.repeat(availableParallelism() * 2)} :`);
  // Whatever else this machine does, only all of its cores at once are enough.
  rig.place.configure({ limits: { max_machine_cpu_percent: 100 } });
  await rig.call('daemon.reload', {});
  const refuse = { repository: rig.repository.path, command: ['true'], whenFull: 'refuse' as const };
  const busy = await until(async () => {
    const answer = await rig.refusal('plan.start', { plan: 'refused', ...refuse }).catch(() => undefined);
    if (!answer) await rig.call('plan.wait', { plan: 'refused' });
    return answer;
  }, 'the machine is busy');
  expect(busy).toMatchObject({
    code: 'LIMIT_REACHED',
    limit: 'limits.max_machine_cpu_percent',
    current: 100,
    max: 100,
  });
  const waiting = await rig.start('waiting', ['sleep', '1000']);
  expect(waiting).toMatchObject({ state: 'queued', queuePosition: 1 });

  await rig.call('plan.stop', { plan: 'burner', force: true });
  await until(async () => (await show(rig, waiting)).state === 'running', 'it starts by itself', 50_000);
});

test('after a crash those that wait are started one after the other, in their order, and nobody overtakes them', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
  await rig.start('first', ['sleep', '1000']);
  const waiting: Run[] = [];
  for (const name of ['second', 'third', 'fourth']) waiting.push(await rig.start(name, ['sleep', '1000']));
  await rig.daemon.kill();
  rig.place.configure({ limits: { max_concurrent: 4 } });
  await rig.startDaemon();
  const late = await rig.start('late', ['sleep', '1000']);
  expect(late.state).toBe('queued');

  for (const run of waiting) await untilRunning(rig, run);
  const { events } = await rig.call('event.list', { types: ['run.starting', 'run.started'], limit: 1000 });
  const later = events.filter(({ run }) => waiting.some(({ id }) => id === run));
  expect(later.map(({ type, plan }) => `${plan ?? ''} ${type}`)).toEqual(
    ['second', 'third', 'fourth'].flatMap((plan) => [`${plan} run.starting`, `${plan} run.started`]),
  );
  expect((await show(rig, late)).state).toBe('queued');
});
