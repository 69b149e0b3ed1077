import { expect } from 'vitest';
import type { Params, Result } from '../../src/contract/index.ts';
import { Checkout } from './repository.ts';
import { Rig } from './rig.ts';
import { until } from './until.ts';

type Acquired = Result<'pool.acquire'>;

/** wtd looks at the ports of the whole machine, so every journey has its own. */
export const setUpPool = (base: number, worktrees: object, more: object = {}): Promise<Rig> =>
  Rig.setUp({ config: { worktrees, ports: { base, range_size: 5, last: base + 499 }, ...more } });

export const acquire = (rig: Rig, wish: Partial<Params<'pool.acquire'>> = {}): Promise<Acquired> =>
  rig.call('pool.acquire', { repository: rig.repository.path, ...wish });

export const release = (rig: Rig, { lease }: Acquired, outcome: 'done' | 'failed' = 'done') =>
  rig.call('pool.release', { lease: lease.id, fence: lease.fence, outcome });

export const poolStatus = (rig: Rig): Promise<Result<'pool.status'>> =>
  rig.call('pool.status', { repository: rig.repository.path });

/** Until the pool stands like that. */
export const untilPool = (rig: Rig, like: Partial<Result<'pool.status'>>): Promise<boolean> =>
  until(
    async () => {
      expect(await poolStatus(rig)).toMatchObject(like);
      return true;
    },
    `the pool is like ${JSON.stringify(like)}`,
  );

export const checkoutOf = (rig: Rig, { worktree }: Acquired): Checkout => new Checkout(worktree.path, rig.place.env);
