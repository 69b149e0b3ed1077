import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, describe, test } from 'vitest';
import { footprint } from '../rig/footprint.ts';
import { refused } from '../rig/refusals.ts';
import { Rig } from '../rig/rig.ts';

describe('a command', () => {
  test('that does not exist is SPAWN_FAILED with its cause, and leaves no plan and no run', async () => {
    await using rig = await Rig.setUp();
    const before = await footprint(rig);
    writeFileSync(join(rig.place.directory, 'plain.txt'), '', { mode: 0o644 });
    mkdirSync(join(rig.place.directory, 'directory'));
    for (const program of [
      'no-such-program',
      '/no/such/program',
      join(rig.place.directory, 'plain.txt'),
      join(rig.place.directory, 'directory'),
    ]) {
      const params = { plan: 'login', repository: rig.repository.path, command: [program], env: { ...rig.place.env } };
      const refusal = await refused(rig, 'plan.start', params);
      expect(refusal).toMatchObject({ code: 'SPAWN_FAILED', command: [program] });
      expect(refusal['cause']).toContain(program);
    }
    const refusal = await rig.wtd('start', 'login', '--', 'no-such-program');
    expect([refusal.exitCode, refusal.stderr]).toEqual([12, expect.stringContaining('no-such-program')]);
    expect(await footprint(rig)).toEqual(before);
  });

  test('is looked up on the PATH of the run, not on that of the daemon', async () => {
    await using rig = await Rig.setUp();
    const params = { plan: 'login', repository: rig.repository.path };
    const empty = rig.place.makeDirectory('empty');
    const refusal = await refused(rig, 'plan.start', { ...params, command: ['git', 'status'], env: { PATH: empty } });
    expect(refusal.code).toBe('SPAWN_FAILED');
    const bin = rig.place.makeDirectory('bin');
    writeFileSync(join(bin, 'agent'), '#!/bin/sh\nexit 7\n', { mode: 0o755 });
    await rig.start('login', ['agent'], { env: { PATH: `${bin}:/usr/bin:/bin` } });
    expect(await rig.wait('login')).toMatchObject({ state: 'failed', reason: 'exit', exitCode: 7 });
  });

  test('that is missing in the worktree ends its run failed, reason spawn', async () => {
    await using rig = await Rig.setUp();
    rig.repository.commit({ 'plain.sh': 'exit 0\n' });
    for (const [plan, program, exitCode] of [
      ['missing', './scripts/agent.sh', 127],
      ['plain', './plain.sh', 126],
    ] as const) {
      const run = await rig.start(plan, [program]);
      expect(run).toMatchObject({ state: 'failed', reason: 'spawn', exitCode, pid: null, usage: null });
      expect(run.endedAt).not.toBeNull();
    }
    expect((await rig.call('run.list', { active: true })).runs).toEqual([]);
    const started = await rig.wtd('start', 'missing', '--wait', '--', './scripts/agent.sh');
    expect(started.exitCode).toBe(12);
    expect((await rig.wtd('logs', 'missing')).stdout).toContain('scripts/agent.sh');

    rig.repository.commit({ 'scripts/agent.sh': '#!/bin/sh\nexit 0\n' });
    const worktree = (await rig.call('plan.show', { plan: 'missing', repository: 'shop' })).worktree?.path ?? '';
    mkdirSync(join(worktree, 'scripts'));
    writeFileSync(join(worktree, 'scripts', 'agent.sh'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    await rig.start('missing', ['./scripts/agent.sh']);
    expect(await rig.wait('missing')).toMatchObject({ state: 'succeeded', attempt: 3 });
  });

  test('reaches the program word by word, with no shell in between', async () => {
    await using rig = await Rig.setUp();
    const words = ['$HOME', '`id`', 'a b', '', '*', "it's", '"', '\n', '\\', '-n', '; touch x', 'ünï'];
    await rig.start('login', ['sh', '-c', 'for word; do printf "<%s>" "$word"; done', 'sh', ...words]);
    await rig.wait('login');
    expect((await rig.wtd('logs', 'login')).stdout).toBe(`${words.map((word) => `<${word}>`).join('')}\n`);
  });
});
