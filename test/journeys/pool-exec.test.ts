import { expect, test } from 'vitest';
import { acquire, poolStatus, setUpPool, untilPool } from '../rig/pool.ts';

test('`wtd pool exec` runs a command in a worktree of its own and gives it back', async () => {
  await using rig = await setUpPool(44_000, { allocation_strategy: 'reuse' });
  const script = 'pwd; git symbolic-ref --short HEAD; echo $PORT $WTD_PORT_END $WTD_FENCE; [ $PWD = $WTD_WORKTREE ]';
  const done = await rig.wtd('pool', 'exec', '--branch', 'try', '--', 'sh', '-c', script);
  const [path, ...rest] = done.stdout.split('\n');
  expect(rig.repository.worktrees()).toContain(path);
  expect(rest).toEqual(['try', '44000 44004 1', '']);
  expect(done).toMatchObject({ exitCode: 0, stderr: '' });
  await untilPool(rig, { inUse: 0, available: 1 });
});

test('it exits as the command did, and keeps the worktree of one that failed', async () => {
  await using rig = await setUpPool(44_500, { allocation_strategy: 'reuse' });
  const failed = await rig.wtd('pool', 'exec', '--name', 'desk', '--', 'sh', '-c', 'echo work > work.txt; exit 7');
  expect(failed.exitCode).toBe(7);
  expect(failed.stderr).toContain('is kept as it is');
  expect(await poolStatus(rig)).toMatchObject({ inUse: 0, named: 1, total: 1 });
  const json = await rig.wtd('pool', 'exec', '--json', '--', 'sh', '-c', 'echo out; kill -TERM $$');
  expect(json.exitCode).toBe(143);
  expect(JSON.parse(json.stdout)).toMatchObject({ exitCode: 143, state: 'failed', snapshot: null });
  expect((await rig.wtd('pool', 'exec', '--', 'no-such-program')).exitCode).toBe(12);
  expect(await poolStatus(rig)).toMatchObject({ inUse: 0 });
});

test('one that is killed gives its worktree back', async () => {
  await using rig = await setUpPool(45_000, { allocation_strategy: 'reuse' });
  const child = rig.steered('child');
  const program = rig.spawnWtd(['pool', 'exec', '--', ...child.command]);
  await child.untilStarted();
  expect(await poolStatus(rig)).toMatchObject({ inUse: 1 });
  await child.exit(0);
  expect(await program.finished()).toMatchObject({ exitCode: 0 });
  const other = rig.steered('other');
  const killed = rig.spawnWtd(['pool', 'exec', '--', ...other.command]);
  await other.untilStarted();
  killed.kill('SIGKILL');
  await killed.ended;
  await untilPool(rig, { inUse: 0 });
});

test('what the pool answers reads well, and its commands take what they say', async () => {
  await using rig = await setUpPool(45_500, { allocation_strategy: 'reuse' });
  await rig.wtd('pool', 'warm', '1');
  const lent = await rig.wtd('pool', 'acquire', '--branch', 'one', '--holder', 'ada', '--ttl', '10m');
  const [, give] = /give it back with: wtd (.+)\n/.exec(lent.stdout) ?? [];
  expect(lent.stdout).toMatch(/^pool \(pool\), on one, ports 45500-45504, in worktrees\/pool\n/);
  const words = (give ?? '').split(' ');
  const [, , lease = '', fence = ''] = words;
  expect((await rig.wtd('pool', 'renew', lease, fence, '--ttl', '20m')).exitCode).toBe(0);
  expect(await rig.wtd(...words)).toMatchObject({ exitCode: 0, stdout: 'the worktree is given back\n' });
  expect(await rig.wtd(...words)).toMatchObject({ exitCode: 10 });
  await untilPool(rig, { available: 1 });
  await acquire(rig, { reuse: { branchPrefix: 'one' } });
  const status = await rig.wtd('pool', 'status', '--json');
  expect(JSON.parse(status.stdout)).toEqual(await poolStatus(rig));
  expect((await rig.wtd('pool', 'drain')).exitCode).toBe(0);
});
