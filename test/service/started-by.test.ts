import { expect, test } from 'vitest';
import { startedBy } from '../../src/daemon/service/started-by.ts';

test('a daemon knows which service manager started it', () => {
  expect(startedBy({})).toBe('none');
  expect(startedBy({ NOTIFY_SOCKET: '/run/user/1000/systemd/notify' })).toBe('systemd');
  expect(startedBy({ NOTIFY_SOCKET: '' })).toBe('none');
  expect(startedBy({ XPC_SERVICE_NAME: 'local.wtd.daemon' })).toBe('launchd');
  for (const label of ['0', 'application.com.apple.Terminal'])
    expect(startedBy({ XPC_SERVICE_NAME: label })).toBe('none');
});
