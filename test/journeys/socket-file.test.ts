import { renameSync, rmSync, statSync, writeFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Daemon } from '../rig/daemon.ts';
import { isAlive } from '../rig/processes.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const untilReachable = (rig: Rig) =>
  until(async () => (await rig.call('daemon.status', {})).pid === rig.daemon.pid, 'the daemon listens again');

test('the socket file is removed under the daemon: it listens again, and open connections notice nothing', async () => {
  await using rig = await Rig.setUp();
  await using open = await rig.connectRaw();
  for (let round = 1; round <= 3; round++) {
    rmSync(rig.place.socket);
    await untilReachable(rig);
    expect(statSync(rig.place.socket).mode & 0o777).toBe(0o600);
    expect(await open.ask('daemon.status', {}, round)).toMatchObject({ result: { pid: rig.daemon.pid } });
  }
  expect(rig.daemon.readLog()).toContain('the socket file was taken away');
  expect(await rig.wtd('shutdown')).toMatchObject({ exitCode: 0 });
  expect(await rig.daemon.ended()).toMatchObject({ exitCode: 0 });
  expect(existsSync(rig.place.socket)).toBe(false);
});

test("another program's socket in its place gives way, because this daemon holds the lock", async () => {
  await using rig = await Rig.setUp();
  rmSync(rig.place.socket);
  const stranger = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => stranger.listen(join(rig.place.directory, 's'), resolve));
  renameSync(join(rig.place.directory, 's'), rig.place.socket);
  await untilReachable(rig);
  expect(rig.daemon.readLog()).toContain('another socket');
  await new Promise((resolve) => stranger.close(resolve));
  await untilReachable(rig);
});

test('what is no socket is left in its place and told of, until somebody moves it away', async () => {
  await using rig = await Rig.setUp();
  rmSync(rig.place.socket);
  writeFileSync(rig.place.socket, 'precious');
  await until(() => rig.daemon.readLog().includes('is not a socket'), 'the log tells of it');
  expect(readFileSync(rig.place.socket, 'utf8')).toBe('precious');
  await using second = await startOther(rig);
  expect(await second.ended()).toMatchObject({ exitCode: 9 });
  rmSync(rig.place.socket);
  await untilReachable(rig);

  await rig.daemon.kill();
  rmSync(rig.place.socket);
  writeFileSync(rig.place.socket, 'precious');
  await using third = await startOther(rig);
  const end = await third.ended();
  expect(end.exitCode).toBe(10);
  expect(end.stderr).toContain('is not a socket');
  expect(readFileSync(rig.place.socket, 'utf8')).toBe('precious');
});

async function startOther(rig: Rig): Promise<Daemon> {
  const other = new Daemon(rig.place);
  await other.untilDecided();
  return other;
}

test('its home is moved away: the daemon ends and says why, runs live on, and the next one finds them', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  const elsewhere = join(rig.place.directory, 'elsewhere');
  renameSync(rig.place.home, elsewhere);
  const end = await rig.daemon.ended();
  expect(end.exitCode).toBe(10);
  expect(end.stderr).toContain('wtd.lock was moved, removed or replaced');
  expect(isAlive(run.pid ?? 0)).toBe(true);

  renameSync(elsewhere, rig.place.home);
  await rig.startDaemon();
  await child.exit(3);
  expect(await rig.wait('login')).toMatchObject({ id: run.id, state: 'failed', exitCode: 3 });
});

test('its lock file is removed: the daemon ends before another one can live beside it for long', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  rmSync(join(rig.place.home, 'wtd.lock'));
  expect(await rig.daemon.ended()).toMatchObject({ exitCode: 10 });
  await rig.startDaemon();
  await child.exit(0);
  expect(await rig.wait('login')).toMatchObject({ id: run.id, state: 'succeeded' });
});

test('its home is deleted: the daemon ends and makes nothing there again', async () => {
  await using rig = await Rig.setUp();
  rmSync(rig.place.home, { recursive: true });
  expect(await rig.daemon.ended()).toMatchObject({ exitCode: 10 });
  expect(existsSync(rig.place.home)).toBe(false);
});
