import { expect, test, vi } from 'vitest';
import { UnderWay } from '../../../src/base/under-way.ts';
import { Recovery } from '../../../src/daemon/reconcile/recovery.ts';
import type { WorktreeRow } from '../../../src/daemon/registry/rows.ts';

/** A pass of the minute over one unfinished worktree; `after` is what the registry says a moment later. */
async function attend(after: readonly Pick<WorktreeRow, 'id' | 'state'>[], underWay = new UnderWay()) {
  const rollBackFound = vi.fn(() => Promise.resolve());
  const unfinished = vi.fn(() => after);
  unfinished.mockReturnValueOnce([{ id: 'w', state: 'creating' }]);
  const recovery = new Recovery({
    registry: {
      runs: { placed: () => [] },
      plans: { list: () => [] },
      worktrees: { unfinished, live: () => [] },
      repositories: { get: () => ({ id: 'shop' }) },
    },
    allotment: { keepClaims: () => Promise.resolve() },
    creation: { rollBackFound },
    underWay,
    interrupted: { settleAll: () => Promise.resolve() },
    log: { error: expect.unreachable },
  } as never);
  await recovery.attendAll();
  return rollBackFound;
}

test('a worktree whose roll-back failed is taken back later', async () => {
  expect(await attend([{ id: 'w', state: 'creating' }])).toHaveBeenCalledOnce();
});

test('one that is finished while others are looked at stays', async () => {
  expect(await attend([])).not.toHaveBeenCalled();
});

test('one that is just being made stays', async () => {
  const underWay = new UnderWay();
  await underWay.during('w', async () => {
    expect(await attend([{ id: 'w', state: 'creating' }], underWay)).not.toHaveBeenCalled();
  });
});
