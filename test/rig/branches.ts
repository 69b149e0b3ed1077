import { join } from 'node:path';
import type { Checkout } from './repository.ts';
import type { Rig } from './rig.ts';

/** A plan that never ran, with its branch and a worktree of it that is made by hand. */
export async function planWithBranch(rig: Rig, name: string): Promise<Checkout> {
  await rig.call('plan.create', { name, repository: rig.repository.path });
  const path = join(rig.place.directory, `by-hand-${name}`);
  rig.repository.git('worktree', 'add', '--quiet', '-b', `plan/${name}`, path, 'main');
  return rig.repository.at(path);
}

/** Commits all that was done in a checkout. */
export function commitAll(checkout: Checkout, message = 'Work'): void {
  checkout.git('add', '--all');
  checkout.git('commit', '--quiet', '--message', message);
}
