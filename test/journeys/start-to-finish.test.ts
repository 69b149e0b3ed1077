import { expect, test } from 'vitest';
import { Rig } from '../rig/rig.ts';
import { isAlive, pidsOf } from '../rig/processes.ts';

test('a first try', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  expect(run.pid).toBe(await child.untilStarted());
  expect(pidsOf(run.id)).toHaveLength(2);
  const fork = await child.fork();
  const escaped = await child.forkEscaped();
  expect(isAlive(fork) && isAlive(escaped)).toBe(true);
  expect(await child.ask('pwd')).toBe(run.cwd);
  await child.exit(3);
  const ended = await rig.wait('login');
  expect(ended.exitCode).toBe(3);
  const status = await rig.wtd('status', '--all-plans', '--json');
  expect(status.json()).toHaveProperty('plans');
});
