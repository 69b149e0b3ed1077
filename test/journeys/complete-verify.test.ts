import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { footprint } from '../rig/footprint.ts';
import { complete, donePlan, refuses, showPlan, stateOf } from '../rig/homecoming.ts';
import { pidsAround } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const verifying = (...verify: string[][]) => ({ completion: { verify } });

describe('the commands that verify a merge', () => {
  test('run on the merged tree, set up like a fresh worktree, before the target moves', async () => {
    const look = 'ls; cat .env; git -C "$1" rev-parse main; pwd; env; touch made';
    await using rig = await Rig.setUp({ config: verifying(['sh', '-c', 'ls'], ['sh', '-c', look, 'sh', '/']) });
    const { repository } = rig;
    repository.commit({ '.gitignore': '.env\n' });
    await donePlan(rig, 'login');
    repository.commit({ 'later.txt': 'later\n' });
    repository.write('.env', 'SECRET=1\n');
    const config = verifying(['sh', '-c', look, 'sh', repository.path]);
    rig.place.configure(config);
    await rig.call('daemon.reload', {});
    const before = repository.git('rev-parse', 'main');
    const env = { ...rig.place.env, COLOUR: 'blue', WTD_RUN: 'another', WTD_PLAN: 'another' };
    expect(await complete(rig, 'login', { env })).toMatchObject({ merged: true, warnings: [] });
    const [plan] = (await rig.call('event.list', { types: ['plan.completed'] })).events;
    expect(plan).toMatchObject({ plan: 'login' });
    const printed = logOf(rig);
    expect(printed).toContain('later.txt\nlogin.txt\n');
    expect(printed).toContain(`SECRET=1\n${before}\n${join(repository.path, 'worktrees', 'verify-login')}\n`);
    expect(printed).toContain('COLOUR=blue\n');
    expect(printed).not.toMatch(/WTD_RUN=|WTD_PLAN=|PORT=/);
    expect(repository.worktrees()).toEqual([repository.path]);
    expect(existsSync(join(repository.path, 'made'))).toBe(false);
  });

  test.each([
    ['that fails', ['sh', '-c', 'echo why; exit 3'], 'INVALID_STATE', 3],
    ['that cannot be started', ['no-such-program'], 'SPAWN_FAILED', null],
    ['that takes too long', ['sleep', '1000'], 'INVALID_STATE', null],
  ])('keep the target where it is: one %s', async (...[, command, code, exitCode]) => {
    const completion = { verify: [command, ['touch', 'never']], timeout: '2s' };
    await using rig = await Rig.setUp({ config: { completion } });
    await donePlan(rig, 'login');
    const [before, marks] = [await footprint(rig), await stateOf(rig, 'login')];
    const refusal = await refuses(rig, 'login');
    expect(refusal).toMatchObject({ code, command, exitCode });
    if (command[0] === 'sleep') expect(refusal.message).toContain('took longer than 2s');
    expect(readFileSync(String(refusal['logPath']), 'utf8')).toContain(`$ ${command.join(' ')}\n`);
    expect(refusal.hint).toContain(String(refusal['logPath']));
    await until(async () => {
      expect(await footprint(rig)).toEqual(before);
      return true;
    }, 'nothing is left of the worktree');
    expect(await stateOf(rig, 'login')).toEqual(marks);
    expect((await rig.wtd('complete', 'login', '--no-verify')).exitCode).toBe(0);
  });

  test('of a repository run only once they are trusted, and nothing is made before', async () => {
    await using rig = await Rig.setUp();
    await donePlan(rig, 'login');
    rig.repository.commit({ 'wtd.yaml': JSON.stringify(verifying(['true'])) });
    const [before, marks] = [await footprint(rig), await stateOf(rig, 'login')];
    expect(await refuses(rig, 'login')).toMatchObject({ code: 'UNTRUSTED', commands: [['true']] });
    expect(await footprint(rig)).toEqual(before);
    expect(await stateOf(rig, 'login')).toEqual(marks);
    expect(await rig.call('repository.trust', { repository: 'shop' })).toMatchObject({ commands: [['true']] });
    expect(await complete(rig, 'login')).toMatchObject({ merged: true });
  });

  test('are asked again when the target has moved meanwhile', async () => {
    const gate = 'while [ ! -e "$HOME/go" ]; do sleep 0.05; done; ls';
    await using rig = await Rig.setUp({ config: verifying(['sh', '-c', gate]) });
    await donePlan(rig, 'login');
    const completing = complete(rig, 'login', { env: rig.place.env });
    await until(() => existsSync(join(rig.repository.path, 'worktrees', 'verify-login')), 'the test is under way');
    const moved = rig.repository.commit({ 'later.txt': 'later\n' });
    rig.repository.commit({ 'gone.txt': '' });
    rig.repository.git('reset', '--quiet', '--hard', moved);
    rig.repository.at(rig.place.makeDirectory('user')).write('go', '');
    const { commit } = await completing;
    expect(rig.repository.git('rev-parse', 'main')).toBe(commit);
    expect(rig.repository.git('rev-parse', 'main^1')).toBe(moved);
    expect(logOf(rig)).toContain('later.txt\n');
  });

  test('leave nothing behind when the daemon is killed or ends meanwhile', async () => {
    await using rig = await Rig.setUp({ config: verifying(['sh', '-c', 'touch made; sleep 1000']) });
    await donePlan(rig, 'login');
    const [before, marks] = [await footprint(rig), await stateOf(rig, 'login')];
    for (const end of ['kill', 'terminate'] as const) {
      const completing = complete(rig, 'login').catch(() => undefined);
      const made = join(rig.repository.path, 'worktrees', 'verify-login', 'made');
      await until(() => existsSync(made), 'the test is under way');
      await rig.daemon[end]();
      await completing;
      await rig.startDaemon();
      await until(async () => {
        expect(await footprint(rig)).toEqual(before);
        return true;
      }, 'nothing is left of the worktree');
      expect(await stateOf(rig, 'login')).toEqual(marks);
      expect((await rig.call('daemon.doctor', {})).findings).toEqual([]);
    }
    expect(pidsAround(rig.place.home)).toEqual([rig.daemon.pid]);
    expect((await showPlan(rig, 'login')).state).toBe('succeeded');
  });
});

const logOf = (rig: Rig): string => {
  const directory = join(rig.place.home, 'logs', 'verify');
  return readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('');
};
