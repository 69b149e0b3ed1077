import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ServiceStatus } from '../../src/contract/service.ts';
import { isAlive, send } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { ServiceJourney } from '../rig/service-journey.ts';
import { UserManager } from '../rig/systemd-user.ts';
import { until } from '../rig/until.ts';

const obstacle = await UserManager.obstacle();
if (obstacle !== null) console.warn(`skipped: ${obstacle}`);

describe.skipIf(obstacle !== null)('under a user manager', () => {
  test('a new user installs the service, twice, and takes it away again without a trace', async () => {
    await using rig = await Rig.setUp({ daemon: false });
    const { PATH = '', HOME = '' } = rig.place.env;
    await using manager = await UserManager.start(rig.place.directory, { PATH, HOME });
    const wtd = (...args: string[]) =>
      rig.spawnWtd(args, { inside: manager, env: { ...manager.env, WTD_HOME: '', WTD_AUTOSTART: '0' } }).finished();
    const home = join(HOME, '.local/state/wtd');
    const files = ['wtd.socket', 'wtd.service'].map((unit) => join(HOME, '.config/systemd/user', unit));

    expect((await wtd('service', 'status', '--json')).json()).toMatchObject({
      installed: false,
      state: null,
      files: [],
      daemon: null,
    });
    const installed = await wtd('service', 'install', '--json');
    expect([installed.exitCode, installed.stderr]).toEqual([0, '']);
    const first = installed.json() as ServiceStatus;
    expect(first).toMatchObject({ manager: 'systemd', installed: true, enabled: true, state: 'active', home, files });
    expect(first.daemon).toEqual({ pid: first.pid, isService: true });

    const again = (await wtd('service', 'install', '--json')).json() as ServiceStatus;
    expect(again).toMatchObject({ installed: true, enabled: true, state: 'active', files });
    expect(again.pid).not.toBe(first.pid);
    expect((await wtd('daemon', 'status', '--json')).json()).toMatchObject({ pid: again.pid, home });
    expect(await manager.systemctl('list-units', '--state=failed', '--plain', '--no-legend', 'wtd.*')).toBe('');

    const removed = await wtd('service', 'uninstall', '--json');
    expect([removed.exitCode, removed.json()]).toEqual([0, { removed: files }]);
    expect(
      readdirSync(join(HOME, '.config/systemd/user'), { recursive: true, withFileTypes: true }).filter(
        (e) => !e.isDirectory(),
      ),
    ).toEqual([]);
    expect(isAlive(again.pid ?? 0)).toBe(false);
    expect(existsSync(join(home, 'wtd.sock'))).toBe(false);
    expect((await wtd('service', 'uninstall')).stdout).toBe('there is no service\n');
  });

  test('a run lives on while its daemon is killed, restarted and stuck, and its end is recorded', async () => {
    await using journey = await ServiceJourney.installed();
    const { rig, manager } = journey;
    const { child } = await rig.startSteered('login');
    const pid = await child.untilStarted();

    let daemon = await journey.daemonPid();
    await manager.systemctl('kill', '--kill-whom=main', '--signal=KILL', 'wtd.service');
    daemon = await journey.untilFollowed(daemon);
    expect([await journey.adopted(), isAlive(pid)]).toEqual([1, true]);

    await manager.systemctl('restart', 'wtd.service');
    expect(await journey.adopted(), 'ready means that every run is taken over').toBe(1);
    expect(await journey.daemonPid()).not.toBe(daemon);
    expect(isAlive(pid)).toBe(true);

    const dropIn = join(journey.unitDirectory, 'wtd.service.d');
    mkdirSync(dropIn);
    writeFileSync(join(dropIn, 'watchdog.conf'), '[Service]\nWatchdogSec=3\n');
    await manager.systemctl('daemon-reload');
    await manager.systemctl('restart', 'wtd.service');
    daemon = await journey.daemonPid();
    send(daemon, 'SIGSTOP');
    await journey.untilFollowed(daemon);
    expect([await journey.adopted(), isAlive(pid)]).toEqual([1, true]);

    await child.exit(7);
    expect(await rig.wait('login')).toMatchObject({ state: 'failed', reason: 'exit', exitCode: 7 });
    expect(child.starts()).toEqual([pid]);
  });

  test('the socket file that was taken away is there again, and the daemon is not taken for stuck', async () => {
    await using journey = await ServiceJourney.installed();
    const pid = await journey.daemonPid();
    const { socket } = journey.rig.place;
    rmSync(socket);
    await until(() => existsSync(socket), 'the daemon listens there again');
    expect((await journey.wtd('daemon', 'status', '--json')).json()).toMatchObject({ pid });
    await journey.manager.systemctl('restart', 'wtd.service');
    expect(await journey.daemonPid()).not.toBe(pid);
    await until(async () => (await journey.wtd('daemon', 'status')).exitCode === 0, 'the next one is found as well');
  });

  test('after a shutdown the socket brings the daemon back, and asking how the service is does not', async () => {
    await using journey = await ServiceJourney.installed();
    const { rig, manager } = journey;
    const before = await journey.daemonPid();
    expect((await journey.wtd('shutdown')).exitCode).toBe(0);
    await until(async () => (await journey.status()).state === 'inactive', 'the service has ended');
    expect(await journey.status()).toMatchObject({ installed: true, enabled: true, pid: null, daemon: null });

    const run = await rig.start('login', ['true']);
    expect(await rig.wait('login')).toMatchObject({ id: run.id, state: 'succeeded' });
    const after = await journey.status();
    expect(after).toMatchObject({ state: 'active', daemon: { pid: after.pid, isService: true } });
    expect(after.pid).not.toBe(before);

    await manager.systemctl('reload', 'wtd.service');
    const reloaded = async () => (await rig.call('event.list', { types: ['daemon.reloaded'] })).events.length;
    await until(async () => (await reloaded()) === 1, 'the configuration was read again');
    expect(await journey.daemonPid()).toBe(after.pid);
  });

  test('a client starts the installed service of its home, and a daemon without it where there is no manager', async () => {
    await using journey = await ServiceJourney.installed();
    const { rig, manager } = journey;
    const stop = () => manager.systemctl('stop', 'wtd.socket', 'wtd.service');
    await stop();
    const started = await journey.wtd('status');
    expect([started.exitCode, started.stderr]).toEqual([0, '']);
    expect(await journey.status()).toMatchObject({ state: 'active', daemon: { isService: true } });

    await stop();
    const nowhere = { XDG_RUNTIME_DIR: rig.place.makeDirectory('nowhere'), WTD_AUTOSTART: '1' };
    const alone = await rig.spawnWtd(['status', '--json'], { env: nowhere }).finished();
    expect(alone.exitCode).toBe(0);
    expect(alone.stderr).toMatch(/^wtd: the service could not be started \(.*\), so a daemon is started without it\n$/);
    const status = await journey.status();
    expect(status).toMatchObject({ state: 'inactive', daemon: { isService: false } });
    expect(status.advice.join()).toContain('wtd service install');
  });

  test('a service that fails is told of with its reason, and serves again once that is mended', async () => {
    await using journey = await ServiceJourney.installed();
    const { rig, manager } = journey;
    rig.place.configure({ limits: { max_concurrent: 'many' } });
    await manager.systemctl('stop', 'wtd.socket', 'wtd.service');
    for (let round = 0; round < 2; round += 1) {
      const refused = await journey.wtd('status');
      expect([refused.exitCode, refused.stderr]).toEqual([69, expect.stringContaining('limits.max_concurrent')]);
    }
    rig.place.configure({});
    const served = await journey.wtd('status');
    expect([served.exitCode, served.stderr]).toEqual([0, '']);
    expect(await journey.status()).toMatchObject({ state: 'active', daemon: { isService: true } });
  });

  test('the service takes over from a daemon with a live run, and gives it back', async () => {
    await using journey = await ServiceJourney.begin();
    const { rig } = journey;
    await journey.wtd('status');
    const { child } = await rig.startSteered('login');
    const pid = await child.untilStarted();
    const lone = (await rig.call('daemon.status', {})).pid;
    expect(await journey.status()).toMatchObject({ installed: false, daemon: { pid: lone, isService: false } });

    const installed = await journey.install();
    expect(installed).toMatchObject({ state: 'active', home: rig.place.home, daemon: { isService: true } });
    expect([await journey.adopted(), isAlive(lone), isAlive(pid)]).toEqual([1, false, true]);

    expect((await journey.wtd('service', 'uninstall')).stdout).toContain('runs live on');
    expect(isAlive(installed.pid ?? 0)).toBe(false);
    await journey.wtd('status');
    expect([await journey.adopted(), isAlive(pid)]).toEqual([1, true]);
    await child.exit(3);
    expect(await rig.wait('login')).toMatchObject({ state: 'failed', exitCode: 3 });
    expect(child.starts()).toEqual([pid]);
  });

  test('a service that cannot start is taken away again, and one that was there is put back', async () => {
    await using journey = await ServiceJourney.begin();
    const { rig } = journey;
    rig.place.configure({ limits: { max_concurrent: 'many' } });
    const refused = await journey.wtd('service', 'install', '--json');
    expect(refused.exitCode).toBe(10);
    expect(refused.json()).toMatchObject({ error: { data: { code: 'INVALID_STATE' } } });
    expect(await journey.status()).toMatchObject({ installed: false, files: [], daemon: null });

    rig.place.configure({});
    const { files } = await journey.install();
    const texts = files.map((file) => readFileSync(file, 'utf8'));
    rig.place.configure({ limits: { max_concurrent: 'many' } });
    const env = { ...journey.manager.env, XDG_STATE_HOME: rig.place.makeDirectory('elsewhere') };
    const moved = await rig.spawnWtd(['service', 'install'], { inside: journey.manager, env }).finished();
    expect(moved.exitCode).toBe(10);
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(texts);
  });
});

test('without a user manager nothing is installed, and what to do is said', async () => {
  await using rig = await Rig.setUp({ daemon: false });
  const env = { XDG_RUNTIME_DIR: rig.place.makeDirectory('nowhere') };
  const refused = await rig.spawnWtd(['service', 'install', '--json'], { env }).finished();
  expect(refused.exitCode).toBe(10);
  expect(refused.json()).toMatchObject({
    error: {
      data: { code: 'INVALID_STATE', state: 'unreachable', hint: expect.stringContaining('XDG_RUNTIME_DIR') as string },
    },
  });
  expect(existsSync(join(rig.place.env['HOME'] ?? '', '.config'))).toBe(false);
  expect((await rig.spawnWtd(['service', 'status', '--json'], { env }).finished()).json()).toMatchObject({
    installed: false,
    files: [],
  });
});
