import { expect, test } from 'vitest';
import { WtdError } from '../../../../src/contract/errors.ts';
import { PoolWaiters } from '../../../../src/daemon/worktrees/pool/waiters.ts';

const { signal } = new AbortController();
const refusal = () => new WtdError('LIMIT_REACHED', 'full', { hint: 'wait' });

/** A room with so many chairs. */
function room(chairs: number) {
  const waiters = new PoolWaiters();
  let free = chairs;
  const attempt = (name: string) => () => (free === 0 ? undefined : ((free -= 1), name));
  const enter = (name: string, waitMs = 60_000, more: Partial<{ signal: AbortSignal }> = {}) =>
    waiters.enter('room', { attempt: attempt(name), waitMs, signal, refusal, ...more });
  const leave = () => {
    free += 1;
    waiters.advance('room');
  };
  return { waiters, enter, leave };
}

test('first come first served, also before somebody who comes when a place is free', async () => {
  const { waiters, enter, leave } = room(1);
  expect(await enter('a', 0)).toBe('a');
  const order: string[] = [];
  const waiting = ['b', 'c'].map((name) => enter(name).then((served) => order.push(served)));
  expect(waiters.count('room')).toBe(2);
  leave();
  leave();
  await Promise.all(waiting);
  expect(order).toEqual(['b', 'c']);
  expect(waiters.count('room')).toBe(0);
});

test('nobody waits who does not want to, for longer than wanted, or who is gone', async () => {
  const { waiters, enter } = room(0);
  await expect(enter('a', 0)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
  await expect(enter('b', 1)).rejects.toMatchObject({ code: 'TIMEOUT' });
  const gone = new AbortController();
  const waiting = enter('c', 60_000, { signal: gone.signal });
  gone.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'TIMEOUT' });
  await expect(enter('d', 60_000, { signal: gone.signal })).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect(waiters.count('room')).toBe(0);
});

test('whoever can never be served is told so, and holds up nobody', async () => {
  const { waiters, enter, leave } = room(0);
  let isBroken = false;
  const attempt = () => {
    if (isBroken) throw refusal();
    return undefined;
  };
  const broken = waiters.enter('room', { attempt, waitMs: 60_000, signal, refusal });
  const after = enter('after');
  isBroken = true;
  leave();
  await expect(broken).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
  expect(await after).toBe('after');
});

test('more than a thousand do not wait', async () => {
  const { enter } = room(0);
  const waiting = Array.from({ length: 1000 }, (_, number) => enter(String(number), 500));
  await expect(enter('one more')).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
  await Promise.allSettled(waiting);
});
