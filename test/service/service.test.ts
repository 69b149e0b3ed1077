import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Backend, Facts } from '../../src/daemon/service/backend.ts';
import { UserService } from '../../src/daemon/service/service.ts';

interface Scene {
  facts?: Partial<Facts> | null;
  /** How many starts fail because another daemon holds the home. */
  keptOut?: number;
  startError?: string;
  lingers?: boolean;
  home?: string;
  /** The home that the started daemon serves. */
  serves?: string;
  /** The manager cannot end it. */
  stuck?: boolean;
}

/** A service manager that does what it is told, unless the scene says otherwise. */
function setUp(scene: Scene = {}) {
  const {
    facts = {},
    keptOut = 0,
    startError,
    lingers = true,
    home = '/home',
    serves = '/home',
    stuck = false,
  } = scene;
  const directory = mkdtempSync(join(tmpdir(), 'wtd-service-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, 'unit');
  const did: string[] = [];
  let refusals = keptOut;
  let serving: { pid: number; home: string } | null = { pid: 1, home: '/home' };
  const backend: Backend = {
    manager: 'systemd',
    logHint: 'read the log',
    files: () => Promise.resolve(new Map([[file, 'new']])),
    homeOf: () => home,
    requireReachable: () => Promise.resolve(),
    start: () => {
      did.push(`start ${readFileSync(file, 'utf8')}`);
      refusals -= 1;
      if (startError !== undefined && readFileSync(file, 'utf8') === 'new')
        return Promise.reject(new Error(startError));
      if (refusals >= 0) return Promise.reject(new Error('kept out'));
      serving = { pid: 2, home: serves };
      return Promise.resolve();
    },
    isKeptOut: () => Promise.resolve(startError === undefined && refusals >= 0),
    stop: () => Promise.resolve(void did.push('stop')),
    release: () => (stuck ? Promise.reject(new Error('it hangs')) : Promise.resolve(void did.push('release'))),
    forget: () => Promise.resolve(void did.push('forget')),
    facts: () => Promise.resolve(facts && { enabled: true, state: 'active', pid: 2, wakes: true, ...facts }),
    lingers: () => Promise.resolve(lingers),
  };
  const daemon = {
    find: () => Promise.resolve(serving),
    end: () => {
      did.push('end');
      serving = null;
      return Promise.resolve();
    },
  };
  return { service: new UserService({ backend, home: '/home', daemon }), file, did };
}

test('a daemon that serves is ended before the service starts, and a place that was lost is tried for again', async () => {
  const { service, did } = setUp({ keptOut: 2 });
  expect(await service.install()).toMatchObject({ installed: true, daemon: { pid: 2, isService: true } });
  expect(did).toEqual(['stop', 'end', 'start new', 'stop', 'start new', 'stop', 'start new']);
});

test('a home that stays taken is given up, and nothing is left', async () => {
  const { service, did, file } = setUp({ keptOut: 1000 });
  await expect(service.install()).rejects.toThrow('the service does not start, so all is as it was before: kept out');
  expect(did.filter((step) => step === 'start new')).toHaveLength(5);
  expect(existsSync(file)).toBe(false);
});

test('what was installed before comes back when the new one does not start', async () => {
  const { service, did, file } = setUp({ startError: 'it is broken' });
  writeFileSync(file, 'old');
  await expect(service.install()).rejects.toMatchObject({
    message: 'the service does not start, so all is as it was before: it is broken',
    data: { code: 'INVALID_STATE', hint: 'read the log' },
  });
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(did).toEqual(['stop', 'end', 'start new', 'release', 'forget', 'start old']);
});

test('a daemon that serves another home is no success, and all of it is taken back', async () => {
  const { service, did, file } = setUp({ serves: '/other' });
  await expect(service.install()).rejects.toMatchObject({
    message: 'the service does not start, so all is as it was before: its daemon serves /other, not /home',
    data: { code: 'INVALID_STATE', hint: expect.stringContaining('WTD_HOME') as string },
  });
  expect(did).toEqual(['stop', 'end', 'start new', 'release', 'forget']);
  expect(existsSync(file)).toBe(false);
});

test('what could not be taken back is told', async () => {
  const { service } = setUp({ startError: 'it is broken', stuck: true });
  await expect(service.install()).rejects.toThrow(
    'the service does not start: it is broken; not all could be taken back: its daemon was not ended (it hangs)',
  );
});

test('a service without its files is ended, and one that is not there is left alone', async () => {
  const loaded = setUp({ facts: { pid: 2 } });
  expect(await loaded.service.uninstall()).toEqual({ removed: [] });
  expect([loaded.did, existsSync(loaded.file)]).toEqual([['stop', 'release', 'forget'], false]);
  const absent = setUp({ facts: { pid: null, wakes: false } });
  expect(await absent.service.uninstall()).toEqual({ removed: [] });
  expect(absent.did).toEqual([]);
});

const absent = 'put it in place with `wtd service install`';
const taken = 'another daemon serves this home: `wtd service install` lets the service take over, and runs live on';

test.each<[string, Scene, string[]]>([
  ['a service that runs', {}, [taken]],
  ['one of another home', { home: '/other' }, ['it serves /other, not /home: `wtd service install` changes that']],
  ['one that sleeps', { facts: { state: 'inactive', pid: null } }, ['it does not run: the next command starts it']],
  ['one that failed', { facts: { state: 'failed', pid: null } }, ['read the log']],
  [
    'one that is not enabled',
    { facts: { enabled: false, pid: 1 } },
    ['it does not come with your session: run `wtd service install`'],
  ],
  [
    'one that does not linger',
    { facts: { pid: 1 }, lingers: false },
    ['it ends with your last session: `loginctl enable-linger` keeps it'],
  ],
  [
    'one whose manager is away',
    { facts: null },
    ['its manager does not answer: log in as this user, or run `loginctl enable-linger`', taken],
  ],
])('%s is told with what to do next', async (_what, scene, advice) => {
  const { service, file } = setUp(scene);
  expect((await service.status()).advice).toEqual([absent]);
  writeFileSync(file, 'new');
  expect((await service.status()).advice).toEqual(advice);
});
