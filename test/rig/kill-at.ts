import { expect } from 'vitest';
import type { FaultPoint } from '../../src/base/fault-point.ts';
import { RemoteError } from '../../src/client/errors.ts';
import { Daemon } from './daemon.ts';
import { footprint } from './footprint.ts';
import type { Scenario, Stage } from './kill-stage.ts';
import { Rig } from './rig.ts';
import { until } from './until.ts';

/** Those that are about something that an operation of their plan left. */
async function removeAll({ rig, busy }: Stage): Promise<void> {
  if ((await rig.call('run.list', { active: true })).runs.length > 0) await busy.exit(0);
  for (const { name } of (await rig.call('plan.list', {})).plans) {
    await rig.wait(name).catch(() => undefined);
    await rig.call('plan.remove', { plan: name, repository: 'shop' });
  }
  for (const { id, branch } of (await rig.call('worktree.list', { repository: 'shop' })).worktrees) {
    await rig.call('worktree.remove', { worktree: id, deleteBranch: true });
    expect(rig.repository.branches()).not.toContain(branch);
  }
}

/** Numbers without gaps, whatever died in between. */
async function requireWholeJournal({ rig }: Stage): Promise<void> {
  const { events } = await rig.call('event.list', { after: 0, limit: 1000 });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
}

/** Kills a daemon at a point, and lets the next one show that nothing was lost, doubled or left behind. */
export async function killAt(point: FaultPoint, scenario: Scenario): Promise<void> {
  const { maxConcurrent = 3, firstFault } = scenario;
  await using rig = await Rig.setUp({ daemon: false, config: { limits: { max_concurrent: maxConcurrent } } });
  const stage: Stage = { rig, child: rig.steered('login'), busy: rig.steered('busy') };
  const fault = { WTD_FAULT: `${point}:1:kill` };
  await rig.startDaemon(firstFault === undefined ? fault : { WTD_FAULT: firstFault });
  await rig.call('repository.add', { path: rig.repository.path });
  const before = await footprint(rig);
  await scenario.prepare?.(stage);

  await using breaking = firstFault === undefined ? rig.daemon : new Daemon(rig.place, fault);
  if (await breaking.untilDecided()) await scenario.act(stage).catch(expectCutOff);
  expect(await breaking.ended(), 'the point was reached').toMatchObject({ signal: 'SIGKILL' });

  await rig.startDaemon();
  await scenario.verify(stage);
  await removeAll(stage);
  await requireWholeJournal(stage);
  await until(async () => {
    expect(await footprint(rig)).toEqual(before);
    return true;
  }, 'nothing is left behind');
  rig.repository.git('fsck', '--strict', '--no-dangling');
  expect(rig.repository.git('worktree', 'prune', '--dry-run', '--verbose')).toBe('');
}

/** The daemon answered nothing; a refusal would mean that the step was never taken. */
function expectCutOff(error: unknown): void {
  if (error instanceof RemoteError) throw error;
}
