import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { finishPlan } from '../rig/doctor.ts';
import type { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { removeByHand, stateOf } from '../rig/tree-state.ts';

const take = (rig: Rig, worktree: Checkout) => rig.call('worktree.snapshot', { worktree: worktree.path });

test('a worktree that is gone comes back with branch, index, tree and untracked files', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ 'a.txt': 'a\n', 'b.txt': 'b\n', 'dir/c.txt': 'c\n' });
  const worktree = await finishPlan(rig, 'login', 'echo work > w.txt; git add w.txt; git commit -qm work');
  worktree.write('a.txt', 'staged\n');
  worktree.git('add', 'a.txt');
  worktree.write('a.txt', 'unstaged\n');
  rmSync(join(worktree.path, 'b.txt'));
  worktree.git('rm', '-q', 'dir/c.txt');
  worktree.write('deep/er/new.txt', 'new\n');
  writeFileSync(join(worktree.path, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  symlinkSync('nowhere', join(worktree.path, 'link'));
  const before = stateOf(worktree);
  const status = worktree.git('status', '--porcelain');

  const snapshot = await take(rig, worktree);
  expect(snapshot).toMatchObject({ repository: 'shop', name: 'plan-login', branch: 'plan/login', reason: 'asked for' });
  expect(stateOf(worktree), 'nothing is touched').toEqual(before);
  removeByHand(rig.repository, worktree);
  rig.repository.git('branch', '-D', 'plan/login');

  const restored = await rig.call('worktree.restore', { snapshot: snapshot.id });
  expect(restored).toMatchObject({ branch: 'plan/login', kind: 'named', state: 'in_use', conditions: ['dirty'] });
  expect(stateOf(worktree.at(restored.path))).toEqual(before);
  expect(worktree.at(restored.path).git('status', '--porcelain')).toBe(status);
});
