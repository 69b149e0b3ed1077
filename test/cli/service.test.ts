import { expect, test } from 'vitest';
import type { Service, ServiceStatus } from '../../src/contract/service.ts';
import { wtd } from './rig.ts';

const status: ServiceStatus = {
  manager: 'systemd',
  installed: true,
  enabled: true,
  state: 'active',
  pid: 42,
  home: '/home/dev/.local/state/wtd',
  files: ['/units/wtd.socket', '/units/wtd.service'],
  daemon: { pid: 42, isService: true },
  lingers: false,
  advice: ['it ends with your last session: `loginctl enable-linger` keeps it'],
};

const service = (removed: string[] = status.files): Service => ({
  install: () => Promise.resolve(status),
  uninstall: () => Promise.resolve({ removed }),
  status: () => Promise.resolve(status),
});

test('people read how the service is and what to do next', async () => {
  const { exitCode, out } = await wtd(['service', 'status'], { service: service() });
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^daemon +process 42, of the service$/m);
  expect(out).toMatch(/\n\nit ends with your last session: `loginctl enable-linger` keeps it\n$/);
});

test('people read what an installation has done, and a removal', async () => {
  const installed = await wtd(['service', 'install'], { service: service() });
  expect(installed.out.split('\n')[0]).toBe(
    'the service is in place and serves /home/dev/.local/state/wtd (process 42)',
  );
  expect((await wtd(['service', 'uninstall'], { service: service() })).out).toContain('runs live on');
  expect((await wtd(['service', 'uninstall'], { service: service([]) })).out).toBe('there is no service\n');
});

test('programs get one document', async () => {
  for (const verb of ['install', 'status']) {
    expect(JSON.parse((await wtd(['service', verb, '--json'], { service: service() })).out)).toEqual(status);
  }
  const removal = await wtd(['service', 'uninstall', '--json'], { service: service() });
  expect(JSON.parse(removal.out)).toEqual({ removed: status.files });
});
