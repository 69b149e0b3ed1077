import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { expect, test } from 'vitest';
import { isAlive } from '../rig/processes.ts';
import { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const checkoutOf = (rig: Rig, plan: string): Checkout =>
  new Checkout(join(rig.repository.path, 'worktrees', `plan-${plan}`), rig.place.env);
const show = (rig: Rig, plan: string) => rig.call('plan.show', { plan, repository: 'shop' });

async function finish(rig: Rig, plan: string): Promise<void> {
  await rig.start(plan, ['true']);
  await rig.wait(plan);
}

test('a removal that a dead daemon had begun asks safety again, and keeps what came meanwhile', async () => {
  await using rig = await Rig.setUp();
  await finish(rig, 'login');
  await rig.daemon.kill();
  const database = new SqliteDatabase(join(rig.place.home, 'wtd.db'), { fileMustExist: true });
  database.prepare(`UPDATE worktrees SET state = 'cleaning'`).run();
  database.close();
  checkoutOf(rig, 'login').write('precious.txt', 'work\n');
  await rig.startDaemon();
  expect(readFileSync(join(checkoutOf(rig, 'login').path, 'precious.txt'), 'utf8')).toBe('work\n');
  expect(await show(rig, 'login')).toMatchObject({ worktree: { state: 'in_use', conditions: ['dirty'] } });
});

test('a run whose directory was taken away counts as running until its command is provably gone', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  await rig.daemon.kill();
  rmSync(join(rig.place.home, 'runs', run.id), { recursive: true });
  await rig.startDaemon();
  expect(await rig.call('run.show', { run: run.id })).toMatchObject({ state: 'running', pid: run.pid });
  expect(isAlive(run.pid ?? 0)).toBe(true);
  await child.exit(0);
  expect(await rig.wait('login')).toMatchObject({ state: 'lost', reason: 'killed' });
});

test('a stop at the moment a command ends by itself ends the run for good, 20 times', async () => {
  await using rig = await Rig.setUp();
  for (let round = 1; round <= 20; round++) {
    const { child } = await rig.startSteered(`p${round}`);
    const [stopped] = await Promise.all([
      rig.call('plan.stop', { plan: `p${round}`, repository: 'shop', timeoutMs: 2000 }),
      child.exit(0).catch(() => undefined),
    ]);
    expect(['stopped', 'succeeded']).toContain(stopped.state);
  }
  expect((await rig.call('run.list', { active: true })).runs).toEqual([]);
});

test('stopping a run ends nothing of another one, also when the daemon was started from within it', async () => {
  await using rig = await Rig.setUp({ daemon: false });
  const other = rig.steered('other');
  const outer = rig.spawnWtd(['start', 'other', '--wait', '--', ...other.command], { env: { WTD_AUTOSTART: '1' } });
  await other.untilStarted();
  const { run } = await show(rig, 'other');
  await rig.call('run.register', { plan: 'outer', repository: 'shop', pid: outer.pid });
  const stopped = await rig.call('plan.stop', { plan: 'outer', repository: 'shop', timeoutMs: 2000 });
  expect(stopped).toMatchObject({ kind: 'registered', state: 'stopped' });
  expect(await rig.call('run.show', { run: run?.id ?? '' })).toMatchObject({ state: 'running' });
  await rig.call('daemon.shutdown', { runs: 'stop' });
});

test('whoever waits for a start that is taken back hears of it', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ '.gitattributes': '*.slow filter=slow\n', 'a.slow': 'a\n' });
  const gate = join(rig.place.home, 'gate');
  rig.repository.git('config', 'filter.slow.smudge', `while [ ! -e ${gate} ]; do sleep 0.05; done; false`);
  rig.repository.git('config', 'filter.slow.required', 'true');
  const refusal = rig.refusal('plan.start', { plan: 'login', repository: rig.repository.path, command: ['true'] });
  await until(async () => (await rig.call('run.list', { active: true })).runs.length === 1, 'the start is under way');
  await using client = await rig.connect();
  const waiting = client.call('plan.wait', { plan: 'login', repository: rig.repository.path });
  await client.call('daemon.status', {}); // answered after the wait was taken in
  writeFileSync(gate, '');
  expect((await refusal).code).toBe('GIT_FAILED');
  expect(await waiting).toMatchObject({ state: 'failed', reason: 'spawn' });
  expect((await rig.call('plan.list', {})).plans).toEqual([]);
});

test('a link does not lead the note of the plan file elsewhere', async () => {
  await using rig = await Rig.setUp();
  const victim = join(rig.place.home, 'victim');
  writeFileSync(victim, 'precious\n');
  rig.repository.commit({ 'plan.md': '- [ ] 1.1 Write it\n' });
  const file = join(rig.repository.path, 'plan.md');
  await rig.start('login', ['true'], { file });
  await rig.wait('login');
  const note = join(checkoutOf(rig, 'login').path, '.claude-context', 'current-plan.txt');
  rmSync(note);
  symlinkSync(victim, note);
  await rig.start('login', ['true'], { file });
  await rig.wait('login');
  expect(readFileSync(victim, 'utf8')).toBe('precious\n');
  expect(readFileSync(note, 'utf8')).toBe('plan.md\n');
});

test('a link in the history in the place of the note is refused, and nothing is written through it', async () => {
  await using rig = await Rig.setUp();
  const victim = join(rig.place.home, 'victim');
  writeFileSync(victim, 'precious\n');
  mkdirSync(join(rig.repository.path, '.claude-context'));
  symlinkSync(victim, join(rig.repository.path, '.claude-context', 'current-plan.txt'));
  rig.repository.commit({ 'plan.md': '- [ ] 1.1 Write it\n' });
  rig.repository.git('add', '--force', '.claude-context/current-plan.txt');
  rig.repository.git('commit', '--quiet', '--message', 'A link');
  const wish = { plan: 'login', command: ['true'], repository: rig.repository.path };
  const refusal = await rig.refusal('plan.start', { ...wish, file: join(rig.repository.path, 'plan.md') });
  expect(refusal).toMatchObject({ code: 'INVALID_STATE', state: 'tracked' });
  expect(readFileSync(victim, 'utf8')).toBe('precious\n');
  expect(rig.repository.branches()).toEqual(['main']);
});

test('a branch that was made anew is not taken for merged', async () => {
  await using rig = await Rig.setUp();
  await finish(rig, 'login');
  rmSync(checkoutOf(rig, 'login').path, { recursive: true });
  rig.repository.commit({ 'more.txt': 'more\n' });
  await finish(rig, 'login');
  expect(await show(rig, 'login')).toMatchObject({ state: 'succeeded', git: { ahead: 0, behind: 0 } });
});

test('plan.remove keeps an empty branch that is checked out elsewhere', async () => {
  await using rig = await Rig.setUp();
  await finish(rig, 'login');
  checkoutOf(rig, 'login').git('switch', '--quiet', '--create', 'other');
  rig.repository.git('switch', '--quiet', 'plan/login');
  await rig.call('plan.remove', { plan: 'login', repository: 'shop' });
  expect(rig.repository.git('status', '--short', '--branch')).toContain('## plan/login');
  expect(rig.repository.branches()).toContain('plan/login');
});

test('the plans of a repository that is gone can be forgotten, and then the repository', async () => {
  await using rig = await Rig.setUp();
  await finish(rig, 'login');
  rmSync(rig.repository.path, { recursive: true });
  expect(await rig.call('plan.remove', { plan: 'login', repository: 'shop' })).toEqual({ removed: true });
  expect(await rig.call('repository.remove', { repository: 'shop' })).toEqual({ removed: true });
  expect((await rig.call('daemon.status', {})).counts).toMatchObject({ worktrees: 0, plans: 0, repositories: 0 });
});
