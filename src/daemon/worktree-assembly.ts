import { milliseconds } from '../base/duration.ts';
import { UnderWay } from '../base/under-way.ts';
import type { Configuration } from './config.ts';
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
import { Handover } from './worktrees/handover.ts';
import { Lending } from './worktrees/lending.ts';
import { PoolLeases } from './worktrees/pool-leases.ts';
import { PoolSettings } from './worktrees/pool-settings.ts';
import { PoolUpkeep } from './worktrees/pool-upkeep.ts';
import { PoolWaiters } from './worktrees/pool-waiters.ts';
import { Pool } from './worktrees/pool.ts';
import { Recycling } from './worktrees/recycling.ts';
import { Removal } from './worktrees/removal.ts';
import { Restoring } from './worktrees/restoring.ts';
import { Setup } from './worktrees/setup.ts';
import { Snapshots } from './worktrees/snapshots.ts';
import { WorktreeList } from './worktrees/worktree-list.ts';
import { WorktreeModels } from './worktrees/worktree-models.ts';
import { WorktreeSnapshots } from './worktrees/worktree-snapshots.ts';
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
  const allotment = new Allotment(ground);
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
  const pool = buildPool({ ...parts, removal, creation, worktreeModels });
  const built = { ...parts, ...pool, removal, creation, restoring, worktreeModels };
  return {
    ...built,
    worktrees: new Worktrees(built),
    worktreeList: new WorktreeList(built),
    worktreeSnapshots: new WorktreeSnapshots(built),
    adoption: new Adoption(built),
    worktreeHealth: new WorktreeHealth(built),
  };
}

type PoolGround = Omit<ConstructorParameters<typeof PoolUpkeep>[0], 'recycling' | 'pool' | 'poolSettings'> &
  Omit<ConstructorParameters<typeof Handover>[0], 'recycling' | 'lending' | 'poolSettings'> & {
    snapshots: Snapshots;
    configuration: Configuration;
    settings: RepositorySettings;
    worktreeModels: WorktreeModels;
  };

function buildPool(ground: PoolGround) {
  const poolSettings = new PoolSettings(ground);
  const parts = { ...ground, poolSettings };
  const recycling = new Recycling(parts);
  const lending = new Lending({ ...parts, recycling });
  const handover = new Handover({ ...parts, lending, recycling });
  const lenders = { poolLeases: new PoolLeases(parts), poolWaiters: new PoolWaiters(), lending, recycling };
  const pool = new Pool({ ...parts, ...lenders });
  return { recycling, handover, pool, poolUpkeep: new PoolUpkeep({ ...parts, recycling, pool }) };
}
