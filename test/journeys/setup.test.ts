import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { footprint } from '../rig/footprint.ts';
import { pidsAround } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const address = { plan: 'login', repository: 'shop' };
const setupOf = async (rig: Rig) => (await rig.call('plan.show', address)).worktree?.setup;
const eventsOf = async (rig: Rig) =>
  (await rig.call('event.list', { types: ['worktree.setup'] })).events.map(({ data }) => data);

const ignoring = (...patterns: string[]) => ({ '.gitignore': patterns.map((pattern) => `${pattern}\n`).join('') });
const running = (...commands: string[][]) => ({ worktrees: { setup: { run: commands } } });

describe('a fresh worktree', () => {
  test('has what git ignores and the configuration names, and nothing else', async () => {
    const setup = { copy: ['.env', 'packages/*/.env', 'gone', 'README.md', 'draft.txt'], clone: ['node_modules/'] };
    await using rig = await Rig.setUp({ config: { worktrees: { setup } } });
    const { repository } = rig;
    repository.commit({ ...ignoring('.env', 'node_modules/'), 'packages/cart/index.ts': '' });
    repository.write('.env', 'SECRET=1\n');
    chmodSync(join(repository.path, '.env'), 0o640);
    repository.write('packages/cart/.env', 'CART=1\n');
    repository.write('draft.txt', 'not ignored\n');
    repository.write('node_modules/lib/index.js', 'lib\n');
    mkdirSync(join(repository.path, 'node_modules/.bin'));
    symlinkSync('../lib/index.js', join(repository.path, 'node_modules/.bin/lib'));
    repository.write('README.md', 'changed in the main checkout\n');

    const run = await rig.start('login', ['cat', '.env', 'packages/cart/.env']);
    expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
    const worktree = run.cwd ?? '';
    expect((await rig.wtd('logs', 'login')).stdout).toBe('SECRET=1\nCART=1\n');
    expect(statSync(join(worktree, '.env')).mode & 0o777).toBe(0o640);
    expect(readlinkSync(join(worktree, 'node_modules/.bin/lib'))).toBe('../lib/index.js');
    expect(readFileSync(join(worktree, 'README.md'), 'utf8')).toBe('A shop\n');
    expect(existsSync(join(worktree, 'draft.txt'))).toBe(false);
    expect(await setupOf(rig)).toEqual({
      state: 'done',
      detail: 'copied .env, packages/cart/.env, node_modules',
      logPath: null,
    });
    expect((await rig.call('plan.show', address)).git?.dirty).toBe(false);
    expect(await eventsOf(rig)).toMatchObject([{ state: 'done' }]);
  });

  test('of a repository without any of that has no set-up', async () => {
    await using rig = await Rig.setUp();
    await rig.start('login', ['true']);
    expect(await setupOf(rig)).toBeNull();
    expect(await eventsOf(rig)).toEqual([]);
  });

  test('has the commands of the configuration run in it, with their output kept', async () => {
    const print = 'echo "$WTD_WORKTREE $WTD_REPOSITORY $PORT"; echo trouble >&2; touch made; env > environment';
    await using rig = await Rig.setUp({ config: running(['sh', '-c', print], ['sh', '-c', 'echo second']) });
    rig.repository.commit(ignoring('made', 'environment'));
    const env = { ...rig.place.env, WTD_RUN: 'another', GIT_DIR: '/nowhere', COLOUR: 'blue' };
    const run = await rig.start('login', ['test', '-e', 'made'], { env });
    expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
    const setup = await setupOf(rig);
    expect(setup).toMatchObject({ state: 'done' });
    const log = setup?.logPath ?? '';
    expect(log.startsWith(join(rig.place.home, 'logs', 'setup'))).toBe(true);
    expect(statSync(log).mode & 0o777).toBe(0o600);
    const text = readFileSync(log, 'utf8');
    const { ports } = await rig.call('plan.show', { plan: 'login', repository: rig.repository.path });
    expect(text).toContain(`${run.cwd ?? ''} shop ${ports?.start ?? ''}\n`);
    expect(text).toContain('trouble\n');
    expect(text.endsWith('$ sh -c echo second\nsecond\n')).toBe(true);
    const environment = readFileSync(join(run.cwd ?? '', 'environment'), 'utf8');
    expect(environment).toContain('COLOUR=blue\n');
    expect(environment).not.toMatch(/WTD_RUN=|GIT_DIR=/);
  });

  test('keeps what a link leads out of the repository out of it', async () => {
    const setup = { copy: ['out/secret', 'kept/secret', 'link'], clone: ['worktrees', '.claude-context', '*'] };
    await using rig = await Rig.setUp({ config: { worktrees: { setup } } });
    const { repository } = rig;
    const elsewhere = rig.place.makeDirectory('elsewhere');
    repository.commit({ ...ignoring('/out', 'secret', '/link'), 'kept/file': '' });
    repository.git('switch', '--quiet', '-c', 'plan/login');
    repository.git('rm', '-rq', 'kept');
    symlinkSync(elsewhere, join(repository.path, 'kept'));
    repository.git('add', 'kept');
    repository.git('commit', '-qm', 'A link');
    repository.git('switch', '--quiet', 'main');
    repository.write('kept/secret', 'secret\n');
    symlinkSync(elsewhere, join(repository.path, 'out'));
    symlinkSync('/etc/hostname', join(repository.path, 'link'));

    const run = await rig.start('login', ['true']);
    await rig.wait('login');
    const worktree = run.cwd ?? '';
    expect(existsSync(join(elsewhere, 'secret')), 'nothing is written through a link').toBe(false);
    expect(lstatSync(join(worktree, 'link')).isSymbolicLink(), 'a link stays a link').toBe(true);
    expect(lstatSync(join(worktree, 'out')).isSymbolicLink()).toBe(true);
    expect(existsSync(join(worktree, 'worktrees')), 'no worktree is copied into another').toBe(false);
    expect(await setupOf(rig)).toMatchObject({ state: 'done', detail: expect.stringContaining('link') as string });
  });
});

describe('a set-up that fails', () => {
  test.each([
    [['sh', '-c', 'echo why; exit 3'], 'sh -c echo why; exit 3 ended with 3'],
    [['no-such-program'], 'no-such-program could not be started'],
    [['sh', '-c', 'kill -KILL $$'], 'sh -c kill -KILL $$ was ended by SIGKILL'],
  ])('by %j marks the worktree and lets the run go on with a warning', async (command, detail) => {
    await using rig = await Rig.setUp({ config: running(command, ['touch', 'never']) });
    const run = await rig.start('login', ['sh', '-c', 'echo work > work.txt']);
    expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
    const plan = await rig.call('plan.show', address);
    expect(plan.worktree).toMatchObject({ state: 'in_use', declared: 'error', setup: { state: 'failed' } });
    expect(plan.worktree?.setup?.detail).toContain(detail);
    const log = plan.worktree?.setup?.logPath ?? '';
    expect(readFileSync(log, 'utf8')).toContain(detail);
    expect(plan.warnings.join()).toContain(detail);
    expect(plan.warnings.join()).toContain(log);
    expect(existsSync(join(run.cwd ?? '', 'never'))).toBe(false);
    expect(await eventsOf(rig)).toMatchObject([{ state: 'failed' }]);
    await rig.start('login', ['true']);
    await rig.wait('login');
    expect(await eventsOf(rig), 'a worktree that is there is not set up again').toHaveLength(1);
  });

  test('by taking too long is ended with all that it started', async () => {
    const setup = { run: [['sh', '-c', 'setsid sleep 1000 & sleep 1000']], timeout: '300ms' };
    await using rig = await Rig.setUp({ config: { worktrees: { setup } } });
    await rig.start('login', ['true']);
    expect((await setupOf(rig))?.detail).toBe('sh -c setsid sleep 1000 & sleep 1000 took longer than 300ms');
    await rig.wait('login');
    expect(sleepersIn(rig)).toEqual([]);
  });

  test('says so on the command line', async () => {
    await using rig = await Rig.setUp({ config: running(['false']) });
    const started = await rig.wtd('start', 'login', '--', 'true');
    expect(started.stdout).toContain('could not be set up: false ended with 1');
    const made = await rig.wtd('worktree', 'create', 'by-hand');
    expect([made.exitCode, made.stderr]).toEqual([
      1,
      expect.stringContaining('could not be set up: false ended with 1'),
    ]);
  });
});

const sleepersIn = (rig: Rig): number[] => pidsAround(rig.place.home).filter((pid) => pid !== rig.daemon.pid);

test('a command that leaves a process behind with its output does not keep the worktree waiting', async () => {
  await using rig = await Rig.setUp({ config: running(['sh', '-c', 'sleep 1000 & echo ready']) });
  await rig.start('login', ['true']);
  expect(await setupOf(rig)).toMatchObject({ state: 'done' });
});

test('output without end is cut in its middle', async () => {
  const print = 'head -c 20000000 /dev/zero | tr "\\0" x; echo; echo the end; exit 1';
  await using rig = await Rig.setUp({ config: running(['sh', '-c', print]) });
  await rig.start('login', ['true']);
  const log = (await setupOf(rig))?.logPath ?? '';
  expect(statSync(log).size).toBeLessThan(8_200_000);
  const [first = '', last = ''] = readFileSync(log, 'latin1').split(/\n\[wtd: \d+ bytes were left out here\]\n/);
  expect(first.startsWith('$ sh -c head')).toBe(true);
  expect(last.slice(last.indexOf('\n'))).toBe(`\nthe end\n[wtd: sh -c ${print} ended with 1]\n`);
});

describe('a daemon that ends in the middle of a set-up', () => {
  const waiting = running(['sh', '-c', 'touch "$HOME/begun"; exec sleep 1000']);
  const begun = (rig: Rig) => until(() => existsSync(join(rig.place.env['HOME'] ?? '', 'begun')), 'the set-up runs');

  test('by a kill leaves a worktree that the next one marks, and no process', async () => {
    await using rig = await Rig.setUp({ config: waiting });
    const started = rig.start('login', ['true']).catch(() => undefined);
    await begun(rig);
    await rig.daemon.kill();
    await started;
    await rig.startDaemon();
    expect(await setupOf(rig)).toMatchObject({ state: 'failed', detail: 'the daemon ended in the middle of it' });
    expect(await rig.wait('login'), 'the run that waited for it goes on').toMatchObject({ state: 'succeeded' });
    expect(sleepersIn(rig)).toEqual([]);
  });

  test('by a signal takes the start back', async () => {
    await using rig = await Rig.setUp({ config: waiting });
    await rig.call('repository.add', { path: rig.repository.path });
    const before = await footprint(rig);
    const refusal = rig.refusal('plan.start', { ...address, command: ['true'], env: { ...rig.place.env } });
    await begun(rig);
    await rig.daemon.terminate();
    expect(await refusal).toMatchObject({ code: 'SHUTTING_DOWN' });
    await rig.startDaemon();
    await until(() => !existsSync(join(rig.repository.path, 'worktrees')), 'the trash is emptied');
    expect(await footprint(rig)).toEqual(before);
  });
});
