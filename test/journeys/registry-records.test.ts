import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { databaseOf, removeDatabase, runsOf, showRun } from '../rig/lost-registry.ts';
import { Rig } from '../rig/rig.ts';

/** A daemon that ended, then a copy of its database that is put back later. */
async function putBackOlder(rig: Rig, between: () => Promise<void>): Promise<void> {
  await rig.daemon.terminate();
  const older = readFileSync(databaseOf(rig));
  await rig.startDaemon();
  await between();
  await rig.daemon.kill();
  removeDatabase(rig);
  writeFileSync(databaseOf(rig), older);
  await rig.startDaemon();
}

test('an older copy of the database is brought up to date: what runs is known, and numbers are not given twice', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 3 } } });
  const before = await rig.startSteered('login');
  const stopped = await rig.startSteered('stopped');
  let newest = 0;
  let second = before.run;
  const again = rig.steered('login-again');
  await putBackOlder(rig, async () => {
    await rig.call('plan.stop', { plan: 'stopped' });
    await before.child.exit(4);
    await rig.wait('login');
    second = await rig.start('login', again.command);
    newest = (await rig.call('event.list', { limit: 1 })).events[0]?.seq ?? 0;
  });
  expect(await showRun(rig, before.run.id)).toMatchObject({ attempt: 1, state: 'failed', exitCode: 4 });
  expect(await showRun(rig, stopped.run.id)).toMatchObject({ state: 'stopped' });
  expect(await showRun(rig, second.id)).toMatchObject({ attempt: 2, state: 'running', pid: second.pid });
  expect(await rig.refusal('plan.start', { plan: 'login', repository: rig.repository.path })).toMatchObject({
    code: 'DUPLICATE_RUN',
    run: second.id,
  });
  const [rebuilt] = (await rig.call('event.list', { types: ['registry.rebuilt'] })).events;
  expect(rebuilt?.seq).toBeGreaterThan(newest);
  await again.exit(0);
  expect(await rig.wait('login')).toMatchObject({ id: second.id, state: 'succeeded' });
  expect(again.starts()).toHaveLength(1);
});

type Json = Record<string, Record<string, unknown>>;

/** Changes what the directory of a run tells. */
function rewrite(rig: Rig, run: string, change: (told: Json) => void): void {
  const file = join(rig.place.home, 'runs', run, 'run.json');
  const told = JSON.parse(readFileSync(file, 'utf8')) as Json;
  change(told);
  writeFileSync(file, JSON.stringify(told));
}

describe('records that were changed by hand', () => {
  test.each<[string, (told: Json) => void]>([
    ['another version', (told) => Object.assign(told, { version: 2 })],
    ['a state that does not exist', (told) => Object.assign(told['run'] ?? {}, { state: 'hibernating' })],
    ['a kind that does not exist', (told) => Object.assign(told['run'] ?? {}, { kind: 'imagined' })],
  ])('with %s are told and stay, and the others are restored', async (_, change) => {
    await using rig = await Rig.setUp();
    await rig.start('login', ['true']);
    await rig.wait('login');
    const { run } = await rig.call('run.register', { plan: 'manual', repository: rig.repository.path });
    await rig.daemon.kill();
    removeDatabase(rig);
    rewrite(rig, run, change);
    await rig.startDaemon();
    const [rebuilt] = (await rig.call('event.list', { types: ['registry.rebuilt'] })).events;
    expect(rebuilt?.data).toMatchObject({ runs: 1, unreadable: [run] });
    expect(existsSync(join(rig.place.home, 'runs', run, 'run.json'))).toBe(true);
    expect(await runsOf(rig)).toEqual([['login', 1, 'succeeded', 0]]);
  });

  test('never make the main checkout, or a worktree of somebody else, one of a plan', async () => {
    await using rig = await Rig.setUp();
    const theirs = rig.repository.linkWorktree('plan/theirs');
    const runs: string[] = [];
    for (const plan of ['login', 'search']) {
      const { id } = await rig.start(plan, ['true']);
      await rig.wait(plan);
      runs.push(id);
    }
    await rig.daemon.kill();
    removeDatabase(rig);
    const [login = '', search = ''] = runs;
    rewrite(rig, login, (told) => Object.assign(told['worktree'] ?? {}, { path: rig.repository.path, branch: 'main' }));
    rewrite(rig, search, (told) => Object.assign(told['worktree'] ?? {}, { path: theirs.path, branch: 'plan/theirs' }));
    rewrite(rig, search, (told) => Object.assign(told['run'] ?? {}, { 'colour" = (SELECT 1) --': 'red' }));
    await rig.startDaemon();
    const { plans } = await rig.call('plan.list', {});
    expect(plans.map(({ name }) => name).sort()).toEqual(['login', 'search']);
    const paths = plans.map(({ worktree }) => worktree?.path);
    expect(paths).not.toContain(rig.repository.path);
    expect(paths).not.toContain(theirs.path);
    for (const plan of ['login', 'search']) await rig.call('plan.remove', { plan });
    expect([existsSync(join(rig.repository.path, 'README.md')), existsSync(join(theirs.path, 'README.md'))]).toEqual([
      true,
      true,
    ]);
  });
});

test('a worktree that only git remembered gets ports of its own when a run is placed in it', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  const { id } = await rig.wait('login');
  const other = await rig.startSteered('search');
  await rig.daemon.kill();
  removeDatabase(rig);
  writeFileSync(join(rig.place.home, 'runs', id, 'run.json'), '{');
  await rig.startDaemon();
  const portsOf = async (plan: string) => (await rig.call('plan.show', { plan, repository: 'shop' })).ports;
  expect(await portsOf('login')).toBeNull();
  const { run, child } = await rig.startSteered('login');
  const said = await child.ask('echo $WTD_PORT_START $WTD_PORT_END $PORT');
  const ports = await portsOf('login');
  expect(said).toBe(`${ports?.start} ${ports?.end} ${ports?.start}`);
  expect(ports?.start).not.toBe((await portsOf('search'))?.start);
  expect(run.cwd).toBe(join(rig.repository.path, 'worktrees', 'plan-login'));
  await child.exit(0);
  await other.child.exit(0);
});
