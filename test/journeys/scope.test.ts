import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isAlive, parentOf, pidsOf, untilGone } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';
import { UserManager } from '../rig/systemd-user.ts';

const obstacle = await UserManager.obstacle();

/** A rig whose daemon finds a user manager; both are gone in the right order. */
async function setUp(): Promise<{ rig: Rig; manager: UserManager } & AsyncDisposable> {
  const rig = await Rig.setUp({ daemon: false });
  const manager = await UserManager.start(rig.place.directory, {
    PATH: rig.place.env['PATH'] ?? '',
    HOME: rig.place.directory,
  });
  return {
    rig,
    manager,
    async [Symbol.asyncDispose]() {
      await manager[Symbol.asyncDispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

describe.skipIf(obstacle !== null)(obstacle ?? 'with a user manager', () => {
  test('a run gets a scope, survives the daemon, and nothing of it escapes a stop', async () => {
    await using place = await setUp();
    const { rig, manager } = place;
    await rig.startDaemon({ XDG_RUNTIME_DIR: manager.env['XDG_RUNTIME_DIR'] ?? '' });
    const { run, child } = await rig.startSteered('login');
    const unit = `wtd-run-${run.id}-1.scope`;
    expect(run.executor).toBe('scope');
    expect(await manager.systemctl('is-active', unit)).toBe('active');
    const file = join(rig.place.directory, 'escaped');
    await child.ask(`(setsid env -i /bin/sh -c 'echo $$ >${file}; exec sleep 1000' &)`);
    await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'), 'it escaped');
    const escaped = Number(readFileSync(file, 'utf8'));
    await until(() => parentOf(escaped) !== run.pid, 'its parent is gone');

    await rig.daemon.kill();
    // The next one has no manager, and knows the run all the same.
    await rig.startDaemon();

    expect(await rig.call('run.show', { run: run.id })).toMatchObject({ state: 'running', executor: 'scope' });
    expect([run.pid ?? 0, escaped].filter(isAlive)).toHaveLength(2);
    expect((await rig.wtd('stop', 'login', '--json')).json()).toMatchObject({ state: 'stopped', signal: 'SIGTERM' });
    expect([run.pid ?? 0, escaped].filter(isAlive)).toEqual([]);
    expect(pidsOf(run.id)).toEqual([]);
    await until(async () => (await manager.systemctl('list-units', '--all', '--no-legend', unit)) === '', 'it is gone');
  });

  test('a run that no scope can be had for is started without one', async () => {
    await using place = await setUp();
    const { rig, manager } = place;
    await rig.startDaemon({ XDG_RUNTIME_DIR: manager.env['XDG_RUNTIME_DIR'] ?? '' });
    const first = await rig.startSteered('first');
    expect(first.run.executor).toBe('scope');
    await manager[Symbol.asyncDispose](); // with all that is below it
    await untilGone(first.run.pid ?? 0);

    const second = await rig.startSteered('second');

    expect(second.run).toMatchObject({ executor: 'shim', state: 'running' });
    expect(second.child.starts()).toEqual([second.run.pid]);
    expect(rig.daemon.readLog()).toContain('an executor could not start a run');
    expect(await rig.wait('first')).toMatchObject({ state: 'lost', reason: 'killed' });
  });
});
