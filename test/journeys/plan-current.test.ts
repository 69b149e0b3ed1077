import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Params } from '../../src/contract/index.ts';
import type { Plan } from '../../src/contract/models.ts';
import { Checkout, makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const pathOf = (rig: Rig, plan: string): string => join(rig.repository.path, 'worktrees', `plan-${plan}`);
const current = (rig: Rig, whereabouts: Params<'plan.current'>) => rig.call('plan.current', whereabouts);
const nameOf = async (rig: Rig, whereabouts: Params<'plan.current'>): Promise<string> =>
  (await current(rig, whereabouts)).name;

/** Plans with a worktree each; their runs have ended. */
async function setUp(...plans: string[]): Promise<Rig> {
  const rig = await Rig.setUp();
  for (const plan of plans) {
    await rig.start(plan, ['true']);
    await rig.wait(plan);
  }
  return rig;
}

test('the environment of a run tells before the directory, and the directory before the repository', async () => {
  await using rig = await setUp('login', 'search');
  const [login, search] = [pathOf(rig, 'login'), pathOf(rig, 'search')];
  const named = { WTD_PLAN: 'login', WTD_REPOSITORY: 'shop' };
  expect(await nameOf(rig, { cwd: search, env: named })).toBe('login');
  expect(await nameOf(rig, { cwd: search, env: { ...named, CLAUDE_WORKTREE: search } })).toBe('login');
  expect(await nameOf(rig, { cwd: search, env: { CLAUDE_WORKTREE: login } })).toBe('login');
  expect(await nameOf(rig, { env: { CLAUDE_WORKTREE: login } })).toBe('login');
  expect(await nameOf(rig, { cwd: search, env: { CLAUDE_WORKTREE: rig.place.directory } })).toBe('search');
  expect(await nameOf(rig, { cwd: search, env: { CLAUDE_WORKTREE: '', WTD_PLAN: 'login' } })).toBe('search');
  expect(await nameOf(rig, { cwd: search })).toBe('search');
});

test('a plan that a run was told and that is gone is not mistaken for another one', async () => {
  await using rig = await setUp('login');
  const env = { WTD_PLAN: 'logout', WTD_REPOSITORY: 'shop' };
  const refused = await rig.refusal('plan.current', { cwd: pathOf(rig, 'login'), env });
  expect(refused).toMatchObject({ code: 'NOT_FOUND', name: 'logout' });
});

test('only what tells is asked of the environment', async () => {
  await using rig = await setUp('login');
  const env = { WTD_PLAN: 'login', WTD_REPOSITORY: 'shop', SECRET: 'x' } as Params<'plan.current'>['env'];
  expect(await rig.refusal('plan.current', { env })).toMatchObject({ code: 'INVALID_PARAMS' });
});

test('a directory below the worktree of a plan, or a link to it, is in that plan', async () => {
  await using rig = await setUp('login', 'search');
  const below = join(pathOf(rig, 'login'), 'src', 'deep');
  mkdirSync(below, { recursive: true });
  const link = join(rig.place.directory, 'link');
  symlinkSync(below, link);
  expect(await nameOf(rig, { cwd: below })).toBe('login');
  expect(await nameOf(rig, { cwd: link })).toBe('login');
  expect(await nameOf(rig, { env: { CLAUDE_WORKTREE: link } })).toBe('login');
});

describe('in a repository', () => {
  test('it is the only plan that is open', async () => {
    await using rig = await setUp('login', 'search');
    const blog = makeRepository(rig.place, 'blog');
    await rig.call('plan.create', { name: 'post', repository: blog.path });
    const cwd = join(rig.repository.path, 'src');
    mkdirSync(cwd);
    const refused = await rig.refusal('plan.current', { cwd });
    expect(refused).toMatchObject({
      code: 'AMBIGUOUS',
      candidates: [
        { plan: 'login', repository: 'shop', reason: 'succeeded' },
        { plan: 'search', repository: 'shop', reason: 'succeeded' },
      ],
    });
    expect(refused.message).toContain('login, search');
    expect(await nameOf(rig, { cwd: blog.path })).toBe('post');

    new Checkout(pathOf(rig, 'search'), rig.place.env).commit({ 'search.txt': 'work' });
    rig.repository.git('merge', '--quiet', '--ff-only', 'plan/search');
    await until(async () => (await nameOf(rig, { cwd })) === 'login', 'the merged one is not open any more');
  });

  test('without an open plan, and outside of any, it is said what to do', async () => {
    await using rig = await setUp();
    for (const cwd of [rig.repository.path, rig.place.directory, '/nowhere/at/all']) {
      const refused = await rig.refusal('plan.current', { cwd });
      expect(refused).toMatchObject({ code: 'NOT_FOUND', kind: 'plan' });
      expect(refused.hint).toContain('wtd plan list');
    }
    expect(await rig.refusal('plan.current', {})).toMatchObject({ code: 'NOT_FOUND' });
  });
});

test('wtd plan current tells it in a run, in its directory and by the exit code', async () => {
  await using rig = await Rig.setUp();
  const { child } = await rig.startSteered('login');
  await rig.start('search', ['true']);
  await rig.wait('search');
  const told = (await child.ask('echo "$WTD_PLAN $WTD_REPOSITORY $CLAUDE_WORKTREE"')).split(' ');
  const [plan = '', repository = '', worktree = ''] = told;
  expect(told).toEqual(['login', 'shop', pathOf(rig, 'login')]);
  const ask = async (cwd: string, env: Record<string, string>) => {
    const asked = rig.spawnWtd(['plan', 'current', '--json'], { cwd, env: { ...env, SECRET: 'x' } });
    return ((await asked.finished()).json() as Plan).name;
  };
  expect(await ask(pathOf(rig, 'search'), { WTD_PLAN: plan, WTD_REPOSITORY: repository })).toBe('login');
  expect(await ask(rig.place.directory, { CLAUDE_WORKTREE: worktree })).toBe('login');
  expect(await ask(pathOf(rig, 'search'), {})).toBe('search');
  const unsure = await rig.wtd('plan', 'current');
  expect([unsure.exitCode, unsure.stdout]).toEqual([15, '']);
  expect(unsure.stderr).toContain('login, search');
  const people = await rig.spawnWtd(['plan', 'current'], { cwd: worktree }).finished();
  expect(people.stdout).toMatch(/^name +login$/m);
  await child.exit(0);
  await rig.wait('login');
});
