import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { socketOf } from '../../src/daemon/service/installed.ts';
import { renderUnit } from '../../src/daemon/service/systemd-unit.ts';

const templates = new URL('../../systemd/', import.meta.url);
const readme = '/opt/100% wtd/README.md';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wtd-units-'));
});
afterEach(() => rm(directory, { recursive: true }));

const defaultSocket = '/home/me/.local/state/wtd/wtd.sock';

/** With a home: for somebody who has set WTD_HOME. */
async function render(unit: string, program: readonly string[], home?: string): Promise<string> {
  const environment: Record<string, string> = home === undefined ? {} : { WTD_HOME: home };
  const socket = home === undefined ? defaultSocket : `${home}/wtd.sock`;
  return renderUnit(await readFile(new URL(unit, templates), 'utf8'), { program, environment, socket, readme });
}

/** `verify` ends with 0 on a typo, so what it says counts as well. */
async function verify(units: Record<string, string>) {
  const runtime = join(directory, 'runtime');
  await mkdir(runtime, { mode: 0o700, recursive: true });
  const files = Object.keys(units).map((name) => join(directory, name));
  for (const [name, text] of Object.entries(units)) await writeFile(join(directory, name), text);
  const { exitCode, stderr } = await execa('systemd-analyze', ['--user', 'verify', ...files], {
    env: { XDG_RUNTIME_DIR: runtime },
    reject: false,
  });
  return { exitCode, stderr };
}

async function executable(name: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, '#!/bin/sh\n');
  await chmod(path, 0o755);
  return path;
}

const bothUnits = async (program: readonly string[]) => ({
  'wtd.service': await render('wtd.service', program),
  'wtd.socket': await render('wtd.socket', program),
});

test('systemd finds nothing to say about the units', async () => {
  expect(await verify(await bothUnits([process.execPath]))).toEqual({ exitCode: 0, stderr: '' });
});

test('a program whose path has spaces, percent signs, dollars and ampersands is still found', async () => {
  const program = await executable('a b %h $HOME & ü');
  const units = await bothUnits([program, '/opt/"wtd" \\ 100%/main.js']);
  expect(await verify(units)).toEqual({ exitCode: 0, stderr: '' });
  expect(units['wtd.service']).toContain(
    `ExecStart=:"${program.replace('%', '%%')}" "/opt/\\"wtd\\" \\\\ 100%%/main.js" daemon\n`,
  );
});

test('nothing in a path can end its line', async () => {
  const service = await render('wtd.service', [process.execPath, '/opt/a\nExecStartPre=/bin/false']);
  expect(service).toContain('"/opt/a\\x0aExecStartPre=/bin/false" daemon\n');
});

test('a typo in a unit does not pass the same check', async () => {
  const units = await bothUnits([process.execPath]);
  const { stderr } = await verify({
    ...units,
    'wtd.service': units['wtd.service'].replace('KillMode=', 'KilMode='),
  });
  expect(stderr).toContain("Unknown key 'KilMode'");
});

test('a program that is not there does not pass the same check', async () => {
  const { exitCode, stderr } = await verify(await bothUnits([join(directory, 'gone')]));
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain('is not executable');
});

test('no placeholder is left outside of comments, and the README is named', async () => {
  for (const text of Object.values(await bothUnits([process.execPath]))) {
    expect(text).not.toMatch(/^[^#\n]*@[A-Z]+@/m);
    expect(text).toContain('Documentation=file:///opt/100%%25%%20wtd/README.md\n');
  }
});

test.each([
  ['a start counts once the daemon says so', 'Type=notify'],
  ['a child of the daemon may say it', 'NotifyAccess=all'],
  ['runs outlive a restart of the daemon', 'KillMode=process'],
  ['a run killed for its memory does not end the daemon', 'OOMPolicy=continue'],
  ['a clean shutdown is not undone', 'Restart=on-failure'],
  ['a start that hangs ends', 'TimeoutStartSec=60'],
  ['a daemon that hangs is restarted', 'WatchdogSec=30'],
  ['a reload is a SIGHUP', 'ExecReload=/bin/kill -HUP $MAINPID'],
])('%s: %s', async (_why, line) => {
  expect((await render('wtd.service', [process.execPath])).split('\n')).toContain(line);
});

test('the socket is for its user alone', async () => {
  const lines = (await render('wtd.socket', [process.execPath])).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([`ListenStream=${defaultSocket}`, 'SocketMode=0600', 'DirectoryMode=0700']),
  );
});

test('the units lead to the home of whoever installs them, however it is called', async () => {
  const home = '/srv/50% "of" \\ $HOME';
  const units = {
    'wtd.service': await render('wtd.service', [process.execPath], home),
    'wtd.socket': await render('wtd.socket', [process.execPath], home),
  };
  expect(await verify(units)).toEqual({ exitCode: 0, stderr: '' });
  expect(units['wtd.service']).toContain('\nEnvironment="WTD_HOME=/srv/50%% \\"of\\" \\\\ $HOME"\n');
  expect(units['wtd.socket']).toContain('\nListenStream=/srv/50%% "of" \\ $HOME/wtd.sock\n');
  expect(socketOf(units['wtd.socket'])).toBe(`${home}/wtd.sock`);
});
