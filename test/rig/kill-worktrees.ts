import { join } from 'node:path';
import { expect } from 'vitest';
import type { Scenario, Stage } from './kill-stage.ts';
import { Checkout } from './repository.ts';
import type { Rig } from './rig.ts';

const named = { worktree: 'named', repository: 'shop' };
const byHand = (rig: Rig): string => join(rig.place.directory, 'by-hand');
const makeNamed = ({ rig }: Stage) =>
  rig.call('worktree.create', { repository: rig.repository.path, branches: ['named'] });

async function makesNamed(stage: Stage): Promise<void> {
  const { worktrees } = await stage.rig.call('worktree.list', { repository: 'shop' });
  if (worktrees.length === 0) expect(await makeNamed(stage)).toMatchObject({ failed: [] });
  expect(await stage.rig.call('worktree.health', named)).toMatchObject({ healthy: true });
}

export const namedCreation: Scenario = { title: 'worktree.create', act: makeNamed, verify: makesNamed };

export const forcedRemoval: Scenario = {
  title: 'worktree.remove --force --delete-branch',
  passesNot: ['remove: plan deleted', 'remove: directory removed'],
  prepare: async (stage) => {
    await makeNamed(stage);
    const worktree = new Checkout(join(stage.rig.repository.path, 'worktrees', 'named'), stage.rig.place.env);
    worktree.commit({ 'work.txt': 'work\n' });
    worktree.write('new.txt', 'new\n');
  },
  act: ({ rig }) => rig.call('worktree.remove', { ...named, force: true, deleteBranch: true }),
  verify: async ({ rig }) => {
    // Before the intent it is as if nothing had been asked; after it the daemon goes on as it was asked.
    const { worktrees } = await rig.call('worktree.list', { repository: 'shop' });
    if (worktrees.length > 0) await rig.call('worktree.remove', { ...named, force: true, deleteBranch: true });
    const commits = rig.repository.git('for-each-ref', '--format=%(objectname)', 'refs/wtd/snapshots').split('\n');
    const files = commits.map((commit) => rig.repository.git('ls-tree', '-r', '--name-only', commit));
    expect(files.join('\n')).toContain('new.txt');
    expect(rig.repository.branches()).toEqual(['main']);
  },
};

/** A daemon that is killed while it makes worktrees for people, or takes theirs over. */
export const worktreeScenarios: Record<'make' | 'adopt', Scenario[]> = {
  make: [namedCreation],
  adopt: [
    {
      title: 'worktree.adopt',
      prepare: ({ rig }) => Promise.resolve(rig.repository.git('worktree', 'add', '-q', '-b', 'by-hand', byHand(rig))),
      act: ({ rig }) => rig.call('worktree.adopt', { path: byHand(rig) }),
      verify: async ({ rig }) => {
        const { worktrees } = await rig.call('worktree.list', { repository: 'shop' });
        if (worktrees[0]?.owned !== true) await rig.call('worktree.adopt', { path: byHand(rig) });
      },
    },
  ],
};
