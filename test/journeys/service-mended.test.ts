import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ServiceStatus } from '../../src/contract/service.ts';
import { isAlive } from '../rig/processes.ts';
import { ServiceJourney } from '../rig/service-journey.ts';
import { UserManager } from '../rig/systemd-user.ts';

const obstacle = await UserManager.obstacle();
if (obstacle !== null) console.warn(`skipped: ${obstacle}`);

describe.skipIf(obstacle !== null)('under a user manager', () => {
  test('whoever has another HOME than the manager gets a service of that home', async () => {
    await using journey = await ServiceJourney.begin();
    const { manager, rig } = journey;
    await manager.systemctl('set-environment', `WTD_HOME=${rig.place.makeDirectory('elsewhere')}`);
    const user = rig.place.makeDirectory('other');
    const env = { HOME: user, WTD_HOME: '', XDG_CONFIG_HOME: join(manager.env['HOME'] ?? '', '.config') };
    const home = join(user, '.local/state/wtd');
    const installed = await journey.wtdWith(env, 'service', 'install', '--json');
    expect([installed.exitCode, installed.json()]).toMatchObject([0, { home, daemon: { isService: true } }]);
    const { pid } = installed.json() as ServiceStatus;
    expect((await journey.wtdWith(env, 'daemon', 'status', '--json')).json()).toMatchObject({ pid, home });
    expect(existsSync(join(home, 'wtd.db'))).toBe(true);
  });

  test('a service that is led to another home is refused and taken back', async () => {
    await using journey = await ServiceJourney.begin();
    const { rig } = journey;
    const dropIn = join(journey.unitDirectory, 'wtd.service.d');
    const elsewhere = rig.place.makeDirectory('elsewhere');
    mkdirSync(dropIn, { recursive: true });
    writeFileSync(join(dropIn, 'home.conf'), `[Service]\nEnvironment=WTD_HOME=${elsewhere}\n`);
    const refused = await journey.wtd('service', 'install', '--json');
    expect([refused.exitCode, refused.json()]).toMatchObject([
      10,
      {
        error: {
          message: `the service does not start, so all is as it was before: its daemon serves ${elsewhere}, not ${rig.place.home}`,
          data: { code: 'INVALID_STATE', hint: expect.stringContaining('drop-in') as string },
        },
      },
    ]);
    expect([journey.unitFiles(), await journey.activeStates()]).toEqual([['home.conf'], ['inactive', 'inactive']]);
  });

  test('a home is the same with a slash at its end', async () => {
    await using journey = await ServiceJourney.begin();
    const { home } = journey.rig.place;
    const installed = await journey.wtdWith({ WTD_HOME: `${home}/` }, 'service', 'install', '--json');
    expect(installed.json()).toMatchObject({ home, daemon: { isService: true } });
    expect((await journey.status()).advice.join()).not.toContain(home);
    expect((await journey.wtd('daemon', 'status', '--json')).json()).toMatchObject({ home });
  });

  const breakages: Record<string, (unit: (name: string) => string) => void> = {
    'without its service': (unit) => {
      rmSync(unit('wtd.service'));
    },
    'without its socket': (unit) => {
      rmSync(unit('wtd.socket'));
    },
    'without both': (unit) => {
      for (const name of ['wtd.socket', 'wtd.service']) rmSync(unit(name));
    },
    'with garbage for a unit': (unit) => {
      writeFileSync(unit('wtd.service'), 'garbage\n');
    },
    'with an empty unit': (unit) => {
      writeFileSync(unit('wtd.service'), '');
    },
    'that is masked': (unit) => {
      rmSync(unit('wtd.service'));
      symlinkSync('/dev/null', unit('wtd.service'));
    },
  };
  test.for(Object.entries(breakages))('a service %s is mended and is taken away', async ([, breakIt]) => {
    await using journey = await ServiceJourney.installed();
    const { manager } = journey;
    const { child } = await journey.rig.startSteered('login');
    const pid = await child.untilStarted();
    const breakUnits = async () => {
      breakIt((name) => join(journey.unitDirectory, name));
      await manager.systemctl('daemon-reload');
    };
    await breakUnits();
    const mended = await journey.install();
    expect(mended).toMatchObject({ installed: true, enabled: true, state: 'active', daemon: { isService: true } });
    expect([await journey.adopted(), isAlive(pid)]).toEqual([1, true]);

    await breakUnits();
    await manager.systemctl('stop', 'wtd.socket', 'wtd.service').catch(() => undefined);
    const again = await journey.install();
    expect(again).toMatchObject({ state: 'active', daemon: { isService: true } });

    await breakUnits();
    const removed = await journey.wtd('service', 'uninstall');
    expect([removed.exitCode, removed.stderr]).toEqual([0, '']);
    expect([journey.unitFiles(), await journey.activeStates()]).toEqual([[], ['inactive', 'inactive']]);
    expect([isAlive(again.pid ?? 0), isAlive(pid)]).toEqual([false, true]);
    expect(await journey.install()).toMatchObject({ state: 'active', daemon: { isService: true } });
    await child.exit(0);
  });

  test('what was broken before and cannot be taken back is told', async () => {
    await using journey = await ServiceJourney.installed();
    rmSync(join(journey.unitDirectory, 'wtd.service'));
    journey.rig.place.configure({ limits: { max_concurrent: 'many' } });
    const refused = await journey.wtd('service', 'install');
    expect([refused.exitCode, refused.stderr]).toEqual([
      10,
      expect.stringMatching(
        /not all could be taken back: the service from before does not start again \(.*wtd\.service/s,
      ),
    ]);
    expect(journey.unitFiles()).toContain('wtd.socket');
  });
});
