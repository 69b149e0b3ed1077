import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { finishPlan, worktreeOf } from './doctor.ts';
import type { Scenario, Stage } from './kill-stage.ts';

const writeInWorktree = ({ rig }: Stage, name: string) => {
  worktreeOf(rig, 'login').write(name, 'new\n');
};

const takeSnapshot = ({ rig }: Stage) => rig.call('worktree.snapshot', { repository: 'shop', worktree: 'plan-login' });

const againOf = ({ rig }: Stage): string => join(rig.repository.path, 'worktrees', 'again');

async function restoreSnapshot({ rig }: Stage) {
  const [snapshot] = (await rig.call('worktree.snapshots', {})).snapshots;
  return rig.call('worktree.restore', { snapshot: snapshot?.id ?? '', name: 'again' });
}

/** As somebody does it by hand; the doctor mends the rest. */
async function forgetRestored({ rig }: Stage, path: string): Promise<void> {
  rig.repository.git('worktree', 'remove', '--force', '--force', path);
  rig.repository.git('branch', '-D', basename(path));
  await rig.call('daemon.doctor', { repair: true });
}

/** A daemon that is killed while it keeps a worktree, or makes one from what was kept. */
export const snapshotScenarios: Record<'snapshot' | 'restore', Scenario[]> = {
  snapshot: [
    {
      title: 'worktree.snapshot',
      prepare: async (stage) => {
        await finishPlan(stage.rig, 'login');
        writeInWorktree(stage, 'new.txt');
      },
      act: takeSnapshot,
      verify: async (stage) => {
        const kept = (await stage.rig.call('worktree.snapshots', {})).snapshots;
        const refs = stage.rig.repository.git('for-each-ref', '--format=%(refname:lstrip=3)', 'refs/wtd/snapshots');
        expect(kept.map(({ id }) => id).join('\n')).toBe(refs);
        for (const { id } of [...kept, await takeSnapshot(stage)]) {
          const { path } = await stage.rig.call('worktree.restore', { snapshot: id, name: `again-${id}` });
          expect(readdirSync(path)).toContain('new.txt');
          rmSync(join(path, 'new.txt'));
          await forgetRestored(stage, path);
        }
        rmSync(join(worktreeOf(stage.rig, 'login').path, 'new.txt'));
      },
    },
  ],
  restore: [
    {
      title: 'worktree.restore',
      prepare: async (stage) => {
        await finishPlan(stage.rig, 'login');
        writeInWorktree(stage, 'new.txt');
        await takeSnapshot(stage);
        rmSync(join(worktreeOf(stage.rig, 'login').path, 'new.txt'));
      },
      act: restoreSnapshot,
      verify: async (stage) => {
        const { path } = await restoreSnapshot(stage).catch(() => ({ path: againOf(stage) }));
        expect(readdirSync(path)).toContain('new.txt');
        rmSync(join(path, 'new.txt'));
        await forgetRestored(stage, path);
      },
    },
  ],
};
