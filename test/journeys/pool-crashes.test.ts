import pLimit from 'p-limit';
import { describe, expect, test } from 'vitest';
import { faultPoints, type FaultPoint } from '../../src/base/fault-point.ts';
import { RemoteError } from '../../src/client/errors.ts';
import { footprint } from '../rig/footprint.ts';
import { acquire, checkoutOf, poolStatus, release, setUpPool, untilPool } from '../rig/pool.ts';
import type { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

type Operation = 'acquire' | 'release' | 'take';

/** What the daemon dies of, with one worktree ready. */
const acts: Record<Operation, (rig: Rig) => Promise<unknown>> = {
  acquire: (rig) => acquire(rig, { branch: 'one' }),
  release: async (rig) => {
    const lent = await acquire(rig, { branch: 'one' });
    await release(rig, lent);
    await rig.daemon.ended();
  },
  take: (rig) => rig.start('login', ['true']),
};

/** Only where something is to be kept. */
const passesNot: readonly FaultPoint[] = ['release: work kept'];

/** The daemon answered nothing; a refusal would mean that the step was never taken. */
function expectCutOff(error: unknown): void {
  if (error instanceof RemoteError) throw error;
}

/** Ends whatever the dead daemon left in use, and takes all away: then everything is as it was at first. */
async function tidyUp(rig: Rig): Promise<void> {
  for (const { name } of (await rig.call('plan.list', {})).plans) {
    await rig.wait(name).catch(() => undefined);
    await rig.call('plan.remove', { plan: name, repository: 'shop' });
  }
  expect((await rig.wtd('shutdown', '--stop-runs')).exitCode).toBe(0);
  await rig.daemon.ended();
  await rig.startDaemon();
  await untilPool(rig, { inUse: 0 });
  await until(async () => {
    const { available, named, total } = await poolStatus(rig);
    return available + named === total;
  }, 'nothing is being cleaned');
  await rig.call('pool.drain', { repository: 'shop' });
}

async function killAt(point: FaultPoint, base: number): Promise<void> {
  const operation = point.slice(0, point.indexOf(': ')) as Operation;
  await using rig = await setUpPool(base, { allocation_strategy: 'reuse' });
  await rig.call('repository.add', { path: rig.repository.path });
  const before = await footprint(rig);
  await rig.call('pool.warm', { repository: 'shop', count: 1 });
  await rig.daemon.terminate();
  const breaking = await rig.startDaemon({ WTD_FAULT: `${point}:1:kill` });
  await acts[operation](rig).catch(expectCutOff);
  expect(await breaking.ended(), 'the point was reached').toMatchObject({ signal: 'SIGKILL' });

  await rig.startDaemon();
  await until(async () => {
    const { findings } = await rig.call('daemon.doctor', {});
    expect(findings).toEqual([]);
    return true;
  }, 'everything is what it is said to be');
  const next = await acquire(rig, { branch: 'two' });
  expect(checkoutOf(rig, next).git('status', '--porcelain')).toBe('');
  if (operation === 'take') {
    await rig.start('login', ['true']).catch((error: unknown) => {
      expect(error).toMatchObject({ data: { code: 'DUPLICATE_RUN' } });
    });
  }
  await tidyUp(rig);
  await until(async () => {
    expect(await footprint(rig)).toEqual(before);
    return true;
  }, 'nothing is left behind');
  rig.repository.git('fsck', '--strict', '--no-dangling');
}

describe('a pool whose daemon is killed loses and leaves nothing', () => {
  const operations: readonly [Operation, number][] = [
    ['acquire', 34_000],
    ['release', 36_000],
    ['take', 40_000],
  ];
  test.each(operations)('at every step of: %s', { timeout: 240_000 }, async (operation, base) => {
    const points = faultPoints.filter((point) => point.startsWith(`${operation}: `) && !passesNot.includes(point));
    const limit = pLimit(3);
    const tries = points.map((point, index) => limit(() => killAt(point, base + index * 500)));
    const settled = await Promise.allSettled(tries);
    for (const [index, one] of settled.entries()) {
      if (one.status !== 'rejected') continue;
      const reason = one.reason instanceof Error ? (one.reason.stack ?? one.reason.message) : String(one.reason);
      expect.soft(reason, `killed at "${points[index] ?? ''}"`).toBe('');
    }
  });
});
