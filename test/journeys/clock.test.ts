import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A rig whose daemon's clock, and no other, is as wrong as the test says. */
async function withClock(config: Record<string, unknown>) {
  const rig = await Rig.setUp({ daemon: false, config });
  const file = join(rig.place.directory, 'clock');
  let wrongBy = 0;
  let jumps = 0;
  writeFileSync(file, '0');
  await rig.startDaemon({ WTD_CLOCK: file });
  const countJumps = () => rig.daemon.readLog().split('the clock jumped').length - 1;
  return {
    rig,
    countJumps,
    /** Answers once the daemon has noticed. */
    jump: async (byMs: number) => {
      wrongBy += byMs;
      jumps = countJumps();
      writeFileSync(file, String(wrongBy));
      await until(() => countJumps() > jumps, 'the daemon noticed the jump');
    },
    /** Kills the daemon, and starts one whose clock is set otherwise. */
    restart: async (byMs: number) => {
      await rig.daemon.kill();
      wrongBy += byMs;
      writeFileSync(file, String(wrongBy));
      await rig.startDaemon({ WTD_CLOCK: file });
    },
  };
}

test(
  'a clock set back and forth ends no run, calls none silent or lost, and reorders nothing',
  { timeout: 120_000 },
  async () => {
    const config = { limits: { max_concurrent: 4 }, schedule: { reconcile: '* * * * * *' } };
    const { rig: unused, jump, restart } = await withClock(config);
    await using rig = unused;
    const { child: login } = await rig.startSteered('login');
    const { child: stubborn } = await rig.startSteered('stubborn');
    await stubborn.ignoreSignals();
    const silent = await rig.call('run.register', { plan: 'silent', repository: 'shop' });
    const decoy = spawn('sleep', ['1000'], { env: { ...rig.place.env } });
    await rig.call('run.register', { plan: 'known', repository: 'shop', pid: decoy.pid ?? 0 });
    const [third, fourth] = [rig.steered('third'), rig.steered('fourth')];
    await rig.start('third', third.command);
    const stopping = rig.call('plan.stop', { plan: 'stubborn', repository: 'shop', timeoutMs: 600_000 });
    const waiting = rig.call('plan.wait', { plan: 'login', repository: 'shop', timeoutMs: 600_000 });
    const answers: string[] = [];
    const note = (what: string) => () => answers.push(what);
    const both = [stopping.then(note('stop'), note('stop')), waiting.then(note('wait'), note('wait'))];
    await until(
      async () => (await rig.call('plan.show', { plan: 'stubborn', repository: 'shop' })).state === 'stopping',
      'it stops',
    );

    const expectAllAsBefore = async () => {
      const { runs } = await rig.call('run.list', { active: true });
      const states = Object.fromEntries(runs.map(({ plan, state }) => [plan, state]));
      expect(states).toMatchObject({ login: 'running', stubborn: 'stopping', silent: 'running', third: 'queued' });
      expect(runs.filter(({ durationMs }) => durationMs !== null && durationMs < 0)).toEqual([]);
      expect((await rig.call('status.get', { allPlans: true })).warnings).toEqual([]);
      const { uptimeMs } = await rig.call('daemon.status', {});
      expect(uptimeMs).toBeGreaterThanOrEqual(0);
      expect(uptimeMs).toBeLessThan(hourMs);
      const early = { plan: 'login', repository: 'shop', timeoutMs: 50 };
      expect(await rig.refusal('plan.wait', early)).toMatchObject({ code: 'TIMEOUT' });
      const { events } = await rig.call('event.list', { after: 0, limit: 1000 });
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    };
    await jump(-hourMs);
    await expectAllAsBefore();
    await rig.start('fourth', fourth.command);
    // The job that looks after it runs as before, although by the clock it was run an hour from now.
    decoy.kill('SIGKILL');
    const known = { plan: 'known', repository: 'shop' };
    expect(await rig.call('plan.wait', known)).toMatchObject({ state: 'lost', reason: 'killed' });
    await third.untilStarted();
    await third.exit(0);
    expect(await rig.call('plan.wait', { plan: 'third', repository: 'shop' })).toMatchObject({ state: 'succeeded' });
    await fourth.untilStarted();
    await rig.start('third', third.command);
    await jump(7 * dayMs);
    await expectAllAsBefore();
    expect(answers).toEqual([]);

    await restart(-8 * dayMs);
    await Promise.all(both);
    await expectAllAsBefore();
    expect(await rig.call('run.heartbeat', { run: silent.run, token: silent.token })).toBeDefined();
    await restart(20 * dayMs);
    await expectAllAsBefore();

    await login.exit(7);
    const ended = await rig.wait('login');
    expect(ended).toMatchObject({ state: 'failed', exitCode: 7 });
    expect(ended.durationMs).toBeGreaterThanOrEqual(0);
    await third.untilStarted(2);
    expect(await rig.call('plan.stop', { plan: 'stubborn', repository: 'shop', force: true })).toMatchObject({
      state: 'stopped',
    });
    for (const child of [login, stubborn, fourth]) expect(child.starts()).toHaveLength(1);
  },
);

test('the queue is first in first out, whatever the clock said', async () => {
  const { rig: unused, jump } = await withClock({ limits: { max_concurrent: 1 } });
  await using rig = unused;
  const { child } = await rig.startSteered('busy');
  const queued = ['first', 'second', 'third'];
  for (const [index, plan] of queued.entries()) {
    await rig.start(plan, ['true']);
    if (index < 2) await jump(index === 0 ? -hourMs : -dayMs);
  }
  expect((await rig.call('run.list', { active: true })).runs.map(({ plan }) => plan)).toEqual(
    [...queued].reverse().concat('busy'),
  );
  await child.exit(0);
  for (const plan of queued) await rig.wait(plan);
  const { events } = await rig.call('event.list', { types: ['run.started'] });
  expect(events.map(({ plan }) => plan)).toEqual(['busy', ...queued]);
});

test('a clock far ahead deletes nothing, neither at once nor after a restart', async () => {
  const config = { runs: { keep: '1d' }, schedule: { cleanup: '* * * * * *' } };
  const { rig: unused, jump, restart, countJumps } = await withClock(config);
  await using rig = unused;
  for (let attempt = 1; attempt <= 3; attempt++) {
    await rig.start('login', ['true']);
    await rig.wait('login');
  }
  await rig.start('gone', ['true']);
  await rig.wait('gone');
  await rig.call('plan.remove', { plan: 'gone', repository: 'shop' });
  const { runs } = await rig.call('run.list', {});
  expect(runs).toHaveLength(3);
  const stray = join(rig.repository.path, 'worktrees', '.trash', 'stray');
  const untilCleanedUp = async () => {
    mkdirSync(stray, { recursive: true });
    await until(() => !existsSync(stray), 'the clean-up came by');
  };

  await jump(30 * dayMs);
  for (let pass = 1; pass <= 2; pass++) await untilCleanedUp();
  await restart(30 * dayMs);
  expect(countJumps()).toBe(2);
  for (let pass = 1; pass <= 2; pass++) await untilCleanedUp();
  const after = (await rig.call('run.list', {})).runs;
  expect(after.map(({ id }) => id)).toEqual(runs.map(({ id }) => id));
  for (const { logPath } of after) expect(existsSync(logPath ?? '')).toBe(true);
  expect(rig.daemon.readLog()).toContain('for an hour nothing is deleted for its age');
});
