import { join } from 'node:path';
import type { Finding } from '../../src/contract/models.ts';
import { changeDatabase } from './database.ts';
import { Checkout } from './repository.ts';
import type { Rig } from './rig.ts';

export const worktreeOf = (rig: Rig, plan: string): Checkout =>
  new Checkout(join(rig.repository.path, 'worktrees', `plan-${plan}`), rig.place.env);

export const examine = async (rig: Rig): Promise<Finding[]> => (await rig.call('daemon.doctor', {})).findings;

export const repair = async (rig: Rig): Promise<Finding[]> =>
  (await rig.call('daemon.doctor', { repair: true })).findings;

/** What was found, without the words for people. */
export const kindsOf = (findings: readonly Finding[]): [string, string, boolean][] =>
  findings.map(({ kind, subject, repaired }) => [kind, subject, repaired]);

/** Starts a plan and waits for its end; its worktree stays. */
export async function finishPlan(rig: Rig, plan: string, script = ':'): Promise<Checkout> {
  await rig.start(plan, ['sh', '-c', script]);
  await rig.wait(plan);
  return worktreeOf(rig, plan);
}

/** Kills the daemon, does something while none is alive, and starts the next one. */
export async function whileDead(rig: Rig, change: () => void): Promise<void> {
  await rig.daemon.kill();
  change();
  await rig.startDaemon();
}

/** The database loses what it knew, the daemon being dead. */
export const whileDeadSql = (rig: Rig, ...statements: string[]): Promise<void> =>
  whileDead(rig, () => {
    changeDatabase(rig.place, ...statements);
  });
