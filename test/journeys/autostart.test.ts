import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Picture } from '../../src/contract/status.ts';
import { Place } from '../rig/place.ts';
import { pidsAround, untilGone } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const environmentOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/environ`, 'utf8')
    .split('\0')
    .map((entry) => entry.split('=', 1)[0] ?? '');

const mayStart = { WTD_AUTOSTART: '1' };

test('ten clients at once get one daemon, in / and without anything of the run or repository around them', async () => {
  await using rig = await Rig.setUp({ daemon: false });
  const env = {
    ...mayStart,
    WTD_RUN: 'outer',
    WTD_PLAN: 'outer',
    WTD_WORKTREE: '/outer',
    WTD_REPOSITORY: 'outer',
    WTD_FENCE: '1',
    WTD_PORT_START: '1',
    WTD_PORT_END: '2',
    CLAUDE_WORKTREE: '/outer',
    GIT_DIR: '/outer/.git',
    GIT_INDEX_FILE: '/outer/index',
    GIT_CONFIG_COUNT: '0',
    NOTIFY_SOCKET: '/outer/notify',
    LISTEN_FDS: '1',
    LISTEN_PID: '1',
    WATCHDOG_USEC: '1',
    KEPT: 'yes',
  };
  const clients = Array.from({ length: 10 }, () => rig.spawnWtd(['status', '--json'], { env }).finished());
  const ends = await Promise.all(clients);
  expect(ends.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(ends.map(() => [0, '']));
  const pids = new Set(ends.map((end) => (end.json() as Picture).daemon.pid));
  expect(pids.size).toBe(1);
  const [pid = 0] = pids;
  await until(() => pidsAround(rig.place.home).join() === String(pid), 'the daemons that came late have ended');
  expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
  const variables = environmentOf(pid);
  for (const name of Object.keys(env).filter((key) => !['KEPT', 'WTD_AUTOSTART'].includes(key))) {
    expect(variables, name).not.toContain(name);
  }
  expect(variables).toEqual(expect.arrayContaining(['KEPT', 'WTD_HOME', 'PATH']));
  for (const descriptor of [0, 1, 2]) {
    expect(readlinkSync(`/proc/${pid}/fd/${descriptor}`), 'it holds no terminal').toMatch(
      /^\/dev\/null$|daemon\.stderr$/,
    );
  }

  expect((await rig.wtd('shutdown')).exitCode).toBe(0);
  await untilGone(pid);
  expect(existsSync(rig.place.socket)).toBe(false);
});

test('a client starts no daemon when it must not, and none only to ask whether there is one', async () => {
  await using rig = await Rig.setUp({ daemon: false });
  const refused = await rig.wtd('status', '--json');
  expect([refused.exitCode, refused.json()]).toEqual([
    69,
    {
      error: {
        code: null,
        message: expect.stringContaining(rig.place.socket) as unknown,
        data: expect.objectContaining({ code: 'UNAVAILABLE' }) as unknown,
      },
    },
  ]);
  for (const words of [['daemon', 'status'], ['daemon', 'reload'], ['shutdown']]) {
    const asked = await rig.spawnWtd(words, { env: mayStart }).finished();
    expect([words, asked.exitCode]).toEqual([words, 69]);
  }
  expect(pidsAround(rig.place.home)).toEqual([]);
});

test('a daemon that ended or was killed is followed by another one at the next command', async () => {
  await using rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  await rig.daemon.kill();
  expect(existsSync(rig.place.socket), 'the stale socket is left').toBe(true);
  expect((await rig.wtd('status')).exitCode).toBe(69);
  const status = await rig.spawnWtd(['status', '--all-plans', '--json'], { env: mayStart }).finished();
  const picture = status.json() as Picture;
  expect(picture.plans.map(({ name, state }) => [name, state])).toEqual([['login', 'succeeded']]);
  expect(picture.daemon.pid).not.toBe(rig.daemon.pid);
});

test('WTD_SOCKET leads a client elsewhere, and the daemon ignores it', async () => {
  await using rig = await Rig.setUp({ daemonEnv: { WTD_SOCKET: '/nonexistent/other.sock' } });
  expect((await rig.call('daemon.status', {})).socket).toBe(rig.place.socket);
  const env = { WTD_HOME: rig.place.makeDirectory('other'), WTD_SOCKET: rig.place.socket };
  const status = await rig.spawnWtd(['daemon', 'status', '--json'], { env }).finished();
  expect(status.json()).toMatchObject({ pid: rig.daemon.pid, home: rig.place.home });
});

test('a daemon can be told to end at the very moment it says that it serves', async () => {
  await using place = new Place();
  for (let round = 0; round < 5; round += 1) {
    const daemon = spawn(process.execPath, [program, 'daemon'], { cwd: '/', env: { ...place.env } });
    daemon.stdout.once('data', () => daemon.kill('SIGTERM'));
    const [exitCode] = (await once(daemon, 'exit')) as [number | null];
    expect(exitCode).toBe(0);
    expect(existsSync(place.socket)).toBe(false);
  }
});
