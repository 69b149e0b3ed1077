import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { complete, donePlan, leaveTarget, showPlan } from './homecoming.ts';
import type { Scenario, Stage } from './kill-stage.ts';

const tipOf = ({ rig }: Stage, revision: string): string => rig.repository.git('rev-parse', revision);

/** Either nothing has happened, or everything has; then what is left is done, and all is taken away again. */
async function isOldOrNew(stage: Stage): Promise<void> {
  const { rig } = stage;
  const { repository } = rig;
  const before = repository.git('rev-list', '--max-parents=0', 'main');
  const { state, outcome, worktree } = await showPlan(rig, 'login');
  const told = (await rig.call('daemon.doctor', {})).findings;
  const isNew = state === 'completed';
  if (isNew) {
    expect(outcome).toMatchObject({ kind: 'merged', commit: tipOf(stage, 'main'), archive: 'archive/plan/login' });
    expect(tipOf(stage, 'archive/plan/login')).toBe(outcome?.tip);
    expect(worktree).toBeNull();
  } else {
    expect(outcome).toBeNull();
    expect(tipOf(stage, 'main')).toBe(before);
    expect(repository.git('tag', '--list')).toBe('');
    expect(worktree).not.toBeNull();
  }
  expect(repository.git('status', '--porcelain')).toBe('');
  // Told once, and only where something had begun.
  for (const finding of told) {
    expect(finding).toMatchObject({ kind: 'interrupted_completion', subject: 'login', repaired: true });
    expect(finding.detail).toContain(isNew ? 'main has it' : 'main is where it was');
  }
  expect((await rig.call('daemon.doctor', {})).findings).toEqual([]);
  if (!isNew) await complete(rig, 'login');
  expect(repository.git('log', '-1', '--format=%s', 'main')).toBe('Merge plan login');
  expect((await rig.call('event.list', { types: ['plan.completed'] })).events).toHaveLength(1);
  expect(existsSync(join(repository.path, 'worktrees', 'plan-login'))).toBe(false);
  undo(stage, before);
}

/** As if nothing had ever been merged, for what is compared afterwards. */
function undo({ rig: { repository } }: Stage, before: string): void {
  repository.git('tag', '--delete', 'archive/plan/login');
  repository.git('branch', '-D', 'plan/login');
  const isCheckedOut = repository.git('branch', '--show-current') === 'main';
  if (isCheckedOut) repository.git('reset', '--quiet', '--hard', before);
  else repository.git('branch', '--force', 'main', before);
  repository.git('switch', '--quiet', 'main');
}

const finished = (stage: Stage) => donePlan(stage.rig, 'login');

/** A daemon that is killed while it brings a plan home. */
export const completionScenarios: Record<'complete', Scenario[]> = {
  complete: [
    {
      title: 'plan.complete into a branch that is checked out',
      prepare: finished,
      act: ({ rig }) => complete(rig, 'login'),
      verify: isOldOrNew,
    },
    {
      title: 'plan.complete into a branch that is checked out nowhere',
      prepare: async (stage) => {
        await finished(stage);
        leaveTarget(stage.rig);
      },
      act: ({ rig }) => complete(rig, 'login'),
      verify: isOldOrNew,
    },
  ],
};
