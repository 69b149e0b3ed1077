import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { WtdError } from '../../src/contract/errors.ts';
import { homeOfAgent } from '../../src/daemon/service/installed.ts';
import { Launchd } from '../../src/daemon/service/launchd.ts';
import { UserService } from '../../src/daemon/service/service.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const home = '/Users/R & D/<wtd>';
const agent = 'gui/501/local.wtd.daemon';

/** launchd as `launchctl` shows it: one agent, loaded or not. */
function setUp({ hasSession = true } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'wtd-launchd-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const told: string[] = [];
  let isLoaded = false;
  const run = (program: string, [verb = '', target = '', ...rest]: readonly string[]): Promise<string> => {
    if (verb !== 'print') told.push([program, verb, target, ...rest].join(' '));
    const needsAgent = target === agent && (verb === 'print' || verb === 'bootout');
    if (!hasSession || (needsAgent && !isLoaded)) {
      return Promise.reject(new WtdError('SPAWN_FAILED', 'launchctl failed', { hint: '', cause: 'Could not find it' }));
    }
    if (verb === 'bootstrap') isLoaded = true;
    if (verb === 'bootout') isLoaded = false;
    return Promise.resolve(`${target} = {\n\tstate = running\n\tpid = 42\n}\n`);
  };
  const common = { run, root, program: ['/node', '/main.js'], uid: 501 };
  const backend = new Launchd({ ...common, agentDirectory: directory, home, log: '/wtd.log' });
  const daemon = {
    find: () => Promise.resolve(isLoaded ? { pid: 42, home } : null),
    end: () => Promise.resolve(),
  };
  return { service: new UserService({ backend, home, daemon }), told, file: join(directory, 'local.wtd.daemon.plist') };
}

test('an agent is written, loaded and started, and told as it is', async () => {
  const { service, told, file } = setUp();
  expect(await service.install()).toEqual({
    manager: 'launchd',
    installed: true,
    enabled: true,
    state: 'running',
    pid: 42,
    home,
    files: [file],
    daemon: { pid: 42, isService: true },
    lingers: null,
    advice: [],
  });
  const start = [`launchctl enable ${agent}`, `launchctl bootstrap gui/501 ${file}`, `launchctl kickstart ${agent}`];
  const stop = `launchctl bootout ${agent}`;
  expect(told).toEqual([stop, ...start]);
  expect(homeOfAgent(readFileSync(file, 'utf8'))).toBe(home);

  await service.install();
  expect(told).toEqual([stop, ...start, stop, ...start]);
});

test('an agent is unloaded before its file is taken away', async () => {
  const { service, told, file } = setUp();
  await service.install();
  told.length = 0;
  expect(await service.uninstall()).toEqual({ removed: [file] });
  expect([told, existsSync(file)]).toEqual([Array(2).fill(`launchctl bootout ${agent}`), false]);
  expect(await service.uninstall()).toEqual({ removed: [] });
});

test('without a desktop session nothing is written', async () => {
  const { service, file } = setUp({ hasSession: false });
  await expect(service.install()).rejects.toMatchObject({
    message: 'launchd has no session of this user: Could not find it',
    data: { code: 'INVALID_STATE', state: 'unreachable' },
  });
  expect(existsSync(file)).toBe(false);
});
