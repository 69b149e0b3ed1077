import { milliseconds } from '../base/duration.ts';
import { UnderWay } from '../base/under-way.ts';
import type { Ground } from './ground.ts';
import { Repositories } from './repositories/repositories.ts';
import { RepositorySettings } from './repositories/settings.ts';
import type { DiskUsage } from './runs/disk-usage.ts';
import type { Leftovers } from './runs/leftovers.ts';
import { Adoption } from './worktrees/adoption.ts';
import { Allotment } from './worktrees/allotment.ts';
import { Creation } from './worktrees/creation.ts';
import { WorktreeFacts } from './worktrees/facts.ts';
import { WorktreeHealth } from './worktrees/health.ts';
import { Handover } from './worktrees/pool/handover.ts';
import { Lending } from './worktrees/pool/lending.ts';
import { PoolLeases } from './worktrees/pool/leases.ts';
import { Pool } from './worktrees/pool/pool.ts';
import { Recycling } from './worktrees/pool/recycling.ts';
import { PoolSettings } from './worktrees/pool/settings.ts';
import { PoolUpkeep } from './worktrees/pool/upkeep.ts';
import { PoolWaiters } from './worktrees/pool/waiters.ts';
import { PortClaims } from './worktrees/port-claims.ts';
import { Removal } from './worktrees/removal.ts';
import { Restoring } from './worktrees/snapshots/restoring.ts';
import { Setup } from './worktrees/setup.ts';
import { Snapshots } from './worktrees/snapshots/snapshots.ts';
import { WorktreeList } from './worktrees/worktree-list.ts';
import { WorktreeModels } from './worktrees/worktree-models.ts';
import { WorktreeSnapshots } from './worktrees/snapshots/worktree-snapshots.ts';
import { Worktrees } from './worktrees/worktrees.ts';

/** Everything about worktrees and their repositories. */
export function buildWorktrees(
  ground: Ground,
  runs: { leftovers: Leftovers; diskUsage: DiskUsage },
  to: {
    stopRun: (run: string) => Promise<unknown>;
    /** Before a worktree goes. */
    lastLook: (worktree: string) => Promise<void>;
    isEnding: () => boolean;
  },
) {
  const { registry, configuration, paths } = ground;
  const { home, socket, setupLogs: logs } = paths;
  const settings = new RepositorySettings(ground);
  const repositories = new Repositories({ ...ground, settings });
  const allotment = new Allotment({ ...ground, portClaims: new PortClaims() });
  const own = { ...ground, home, settings, repositories, allotment, underWay: new UnderWay(), ...to };
  const setup = new Setup({ ...own, socket, logs });
  const worktreeFacts = new WorktreeFacts(ground);
  const snapshots = new Snapshots(own);
  const parts = { ...own, setup, worktreeFacts, snapshots };
  const settle = async (worktree: string) => {
    await runs.leftovers.endIn(worktree);
    await to.lastLook(worktree);
  };
  const removal = new Removal({ ...parts, settle });
  const creation = new Creation({ ...parts, removal });
  const restoring = new Restoring({ ...ground, creation, snapshots });
  const diskMbOf = (worktree: string) => {
    const path = registry.worktrees.get(worktree)?.path;
    return path === undefined ? null : runs.diskUsage.of(path).megabytes;
  };
  const staleMs = () => milliseconds(configuration.current.worktrees.cleanup_policy.idle_timeout);
  const worktreeModels = new WorktreeModels({ ...parts, staleMs, diskMbOf });
  const poolSettings = new PoolSettings(parts);
  const making = { ...parts, removal, creation, restoring, worktreeModels, poolSettings };
  const recycling = new Recycling(making);
  const lending = new Lending({ ...making, recycling });
  const built = { ...making, recycling, lending, poolLeases: new PoolLeases(making), poolWaiters: new PoolWaiters() };
  const pool = new Pool(built);
  return {
    ...built,
    pool,
    poolUpkeep: new PoolUpkeep({ ...built, pool }),
    handover: new Handover(built),
    worktrees: new Worktrees(built),
    worktreeList: new WorktreeList(built),
    worktreeSnapshots: new WorktreeSnapshots(built),
    adoption: new Adoption(built),
    worktreeHealth: new WorktreeHealth(built),
  };
}
