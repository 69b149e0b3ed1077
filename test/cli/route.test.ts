import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';

const main = join(import.meta.dirname, '../../src/main.ts');

/** Runs the whole program in a home without a daemon. */
async function wtd(argv: readonly string[], env: (home: string) => Record<string, string>) {
  const home = mkdtempSync(join(tmpdir(), 'wtd-route-'));
  onTestFinished(() => {
    rmSync(home, { recursive: true, force: true });
  });
  const own = { PATH: process.env['PATH'], WTD_HOME: home, ...env(home) };
  const { exitCode, stderr } = await execa(process.execPath, ['--import', 'tsx', main, ...argv], {
    env: own,
    extendEnv: false,
    reject: false,
  });
  return { exitCode, stderr, hasStarted: existsSync(join(home, 'logs')) };
}

test('no daemon is started for a client that WTD_SOCKET leads elsewhere', async () => {
  expect(await wtd(['status'], () => ({ WTD_SOCKET: '/nonexistent/x' }))).toEqual({
    exitCode: 69,
    stderr: 'wtd: no daemon answers on /nonexistent/x\n  WTD_SOCKET leads there: correct it, or unset it',
    hasStarted: false,
  });
});

test('WTD_AUTOSTART is named only where it is set', async () => {
  const unset = await wtd(['shutdown'], (home) => ({ WTD_SOCKET: join(home, 'wtd.sock') }));
  expect(unset).toMatchObject({ exitCode: 69, hasStarted: false });
  expect(unset.stderr).toMatch(/\n {2}start it with `wtd daemon`$/);
  const set = await wtd(['status'], () => ({ WTD_AUTOSTART: '0' }));
  expect(set).toMatchObject({ exitCode: 69, hasStarted: false });
  expect(set.stderr).toMatch(/, or unset WTD_AUTOSTART$/);
});
