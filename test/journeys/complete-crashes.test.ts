import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Daemon } from '../rig/daemon.ts';
import { examine, repair } from '../rig/doctor.ts';
import { complete, donePlan, refuses, showPlan, stateOf } from '../rig/homecoming.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

/** Writes of `*.slow` take until the gate is open; answers what opens it. */
function slowCheckout(rig: Rig): () => void {
  const gate = join(rig.place.directory, 'gate');
  const smudge = `touch '${gate}.reached'; while [ ! -e '${gate}' ]; do sleep 0.05; done; cat`;
  rig.repository.git('config', 'filter.slow.smudge', smudge);
  return () => {
    writeFileSync(gate, '');
  };
}

const untilMerging = (rig: Rig) =>
  until(() => existsSync(join(rig.place.directory, 'gate.reached')), 'git writes the files of the target');

describe('a daemon that dies while git moves a target', () => {
  test('is followed by one that waits for that git and finishes', async () => {
    await using rig = await Rig.setUp();
    await donePlan(rig, 'login', { '.gitattributes': '*.slow filter=slow\n', 'a.slow': 'slow\n' });
    const open = slowCheckout(rig);
    const completing = complete(rig, 'login').catch(() => undefined);
    await untilMerging(rig);
    await rig.daemon.kill();
    await completing;
    const starting = rig.startDaemon();
    open();
    await starting;
    await until(async () => (await showPlan(rig, 'login')).state === 'completed', 'the plan is completed');
    expect(readFileSync(join(rig.repository.path, 'a.slow'), 'utf8')).toBe('slow\n');
    expect(rig.repository.git('status', '--porcelain')).toBe('');
    await until(async () => (await showPlan(rig, 'login')).worktree === null, 'its worktree is gone');
    const [told, ...others] = await examine(rig);
    expect(told).toMatchObject({ kind: 'interrupted_completion', subject: 'login', repaired: true, advice: null });
    expect(told?.detail).toContain('main has it');
    expect(others).toEqual([]);
    expect(await examine(rig), 'it is told once').toEqual([]);
  });

  test('says so as long as a lock keeps it from deciding, then takes it back', async () => {
    await using rig = await Rig.setUp();
    await donePlan(rig, 'login');
    const before = await stateOf(rig, 'login');
    await rig.daemon.terminate();
    await using breaking = await Daemon.start(rig.place, { WTD_FAULT: 'complete: moving:1:kill' });
    await complete(rig, 'login').catch(() => undefined);
    await breaking.ended();
    const lock = join(rig.repository.path, '.git', 'index.lock');
    writeFileSync(lock, '');
    await rig.startDaemon();
    const [found, ...others] = await examine(rig);
    expect(found).toMatchObject({ kind: 'interrupted_completion', subject: 'login', repaired: false });
    expect(found?.advice).toContain('wtd doctor --repair');
    expect(others).toEqual([]);
    expect(await refuses(rig, 'login')).toMatchObject({ code: 'BUSY' });
    expect(rig.repository.git('tag', '--list'), 'no second tag').toBe('archive/plan/login');
    const [left] = await repair(rig);
    expect(left).toMatchObject({ kind: 'interrupted_completion', repaired: false });
    expect(left?.advice).toContain(`${lock} is still there`);
    rmSync(lock);
    // The pass of a minute may be quicker; then the next doctor tells.
    const mended = await until(
      async () => (await repair(rig)).find(({ repaired }) => repaired),
      'the doctor tells what came of it',
    );
    expect(mended).toMatchObject({ kind: 'interrupted_completion', subject: 'login' });
    expect(await stateOf(rig, 'login')).toEqual(before);
    expect(await examine(rig)).toEqual([]);
    expect(await complete(rig, 'login')).toMatchObject({ merged: true });
  });

  test('keeps no other repository waiting when one is gone', async () => {
    await using rig = await Rig.setUp();
    const shed = makeRepository(rig.place, 'shed');
    const run = await rig.start('first', ['true'], { repository: shed.path });
    await rig.call('plan.wait', { plan: 'first', repository: 'shed' });
    shed.at(run.cwd ?? '').commit({ 'first.txt': 'first\n' });
    await donePlan(rig, 'login');
    const before = await stateOf(rig, 'login');
    for (const [plan, repository] of [
      ['first', 'shed'],
      ['login', 'shop'],
    ] as const) {
      await rig.daemon.terminate();
      await using breaking = await Daemon.start(rig.place, { WTD_FAULT: 'complete: intent written:1:kill' });
      await rig.call('plan.complete', { plan, repository }).catch(() => undefined);
      await breaking.ended();
      if (plan === 'first') renameSync(shed.path, `${shed.path}.away`);
      await rig.startDaemon();
    }
    expect(await examine(rig)).toContainEqual(
      expect.objectContaining({ kind: 'interrupted_completion', subject: 'login', repaired: true }),
    );
    expect(await stateOf(rig, 'login')).toEqual(before);
  });
});
