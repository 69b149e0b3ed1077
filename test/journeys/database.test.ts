import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { Daemon } from '../rig/daemon.ts';
import { isInstalled } from '../rig/installed.ts';
import { Place } from '../rig/place.ts';
import { Rig } from '../rig/rig.ts';

/** Does something to a database as another program would; answers the first value it gives. */
function sql(file: string, text: string): unknown {
  const database = new SqliteDatabase(file);
  try {
    const statement = database.prepare(text);
    if (statement.reader) return statement.pluck().get();
    return statement.run().changes;
  } finally {
    database.close();
  }
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

/** The daemon must not start: exit 10, with the file named, and the file as it was. */
async function expectRefusal(place: Place, file: string): Promise<string> {
  const before = existsSync(file) ? readFileSync(file) : null;
  await using daemon = new Daemon(place);
  expect(await daemon.untilDecided(), 'the daemon must not serve').toBe(false);
  const { exitCode, stderr } = await daemon.ended();
  expect([exitCode, stderr]).toEqual([10, expect.stringContaining(file)]);
  expect(existsSync(file) ? readFileSync(file) : null).toEqual(before);
  return stderr;
}

/** A home with a run in it whose daemon has ended. */
async function leaveHome(): Promise<Rig> {
  const rig = await Rig.setUp();
  await rig.start('login', ['true']);
  await rig.wait('login');
  await rig.daemon.terminate();
  return rig;
}

describe('a daemon never starts from nothing', () => {
  test('when its database is not a database', async () => {
    await using place = new Place();
    const file = join(place.home, 'wtd.db');
    writeFileSync(file, 'These are notes of mine.\n'.repeat(500));
    expect(await expectRefusal(place, file)).toContain('not a database');
  });

  test("when its database is somebody else's", async () => {
    await using place = new Place();
    const file = join(place.home, 'wtd.db');
    sql(file, 'CREATE TABLE contacts AS SELECT 1 AS name');
    expect(await expectRefusal(place, file)).toContain("not wtd's");
    sql(file, 'PRAGMA user_version = 1');
    expect(await expectRefusal(place, file)).toContain("not wtd's");
    expect(sql(file, 'SELECT name FROM contacts')).toBe(1);
  });

  test('when its database is newer than the program', async () => {
    await using rig = await leaveHome();
    const file = join(rig.place.home, 'wtd.db');
    const known = Number(sql(file, 'PRAGMA user_version'));
    sql(file, 'PRAGMA user_version = 999');
    expect(await expectRefusal(rig.place, file)).toContain('newer');
    sql(file, `PRAGMA user_version = ${known}`);
    await rig.startDaemon();
    expect((await rig.call('plan.list', {})).plans).toHaveLength(1);
  });

  test('and a client that wanted to start it is told the same', async () => {
    await using rig = await Rig.setUp({ daemon: false });
    const file = join(rig.place.home, 'wtd.db');
    writeFileSync(file, 'no database'.repeat(100));
    const client = await rig.spawnWtd(['start', 'login', '--', 'true'], { env: { WTD_AUTOSTART: '1' } }).finished();
    expect([client.exitCode, client.stderr]).toEqual([69, expect.stringContaining(file)]);
  });
});

describe('a database that an earlier version wrote', () => {
  const data = join(import.meta.dirname, '..', 'data');

  test.each(readdirSync(data).filter((name) => name.endsWith('.db')))('is opened by this one: %s', async (name) => {
    await using rig = await Rig.setUp({ daemon: false });
    copyFileSync(join(data, name), join(rig.place.home, 'wtd.db'));
    await rig.startDaemon();
    const { plans } = await rig.call('plan.list', {});
    expect(plans).toMatchObject([
      {
        name: 'login',
        repository: 'shop',
        branch: 'plan/login',
        state: 'failed',
        command: ['sh', '-c', 'exit 3'],
        limits: null,
        run: {
          attempt: 1,
          reason: 'exit',
          exitCode: 3,
          limits: {
            maxMemoryMb: null,
            maxCpuPercent: null,
            maxDiskMb: null,
            maxRuntimeMs: null,
            maxSilenceMs: null,
            onBreach: 'stop',
          },
        },
      },
    ]);
    const { events } = await rig.call('event.list', {});
    expect(events.map(({ seq, type }) => [seq, type]).slice(-3)).toEqual([
      [7, 'run.ended'],
      [8, 'daemon.stopping'],
      [9, 'daemon.started'],
    ]);
    expect(await rig.start('search', ['true'])).toMatchObject({ repository: 'shop-2', attempt: 1 });
  });
});

describe('the home', () => {
  test('is for its user alone, and so is everything in it that others could read', async () => {
    await using rig = await Rig.setUp();
    const { home, socket } = rig.place;
    await rig.start('login', ['true'], { env: { ...rig.place.env, TOKEN: 'secret' } });
    await rig.wait('login');
    expect(modeOf(home)).toBe(0o700);
    expect(modeOf(socket)).toBe(0o600);
    for (const name of ['runs', 'logs']) expect(modeOf(join(home, name)), name).toBe(0o700);
    expect(modeOf(join(home, 'logs', 'daemon.log'))).toBe(0o600);
    const { logPath } = await rig.wait('login');
    expect(modeOf(logPath ?? '')).toBe(0o600);
    expect(modeOf(join(logPath ?? '', '..'))).toBe(0o700);
    if (process.getuid?.() === 0 && isInstalled('setpriv')) {
      chmodSync(rig.place.directory, 0o755);
      for (const file of [join(home, 'wtd.db'), logPath ?? '']) {
        const asOther = ['--reuid=65534', '--regid=65534', '--clear-groups', 'cat', file];
        expect(() => execFileSync('setpriv', asOther, { stdio: 'pipe' })).toThrow(/Permission denied/);
      }
    }
  });

  test('that others may read is closed to them, and one that others may write is refused', async () => {
    await using place = new Place();
    chmodSync(place.home, 0o755);
    {
      await using _daemon = await Daemon.start(place);
      expect(modeOf(place.home)).toBe(0o700);
    }
    chmodSync(place.home, 0o777);
    await using daemon = new Daemon(place);
    expect(await daemon.untilDecided()).toBe(false);
    expect(await daemon.ended()).toMatchObject({
      exitCode: 10,
      stderr: expect.stringContaining(place.home) as unknown,
    });
    chmodSync(place.home, 0o700);
  });
});
