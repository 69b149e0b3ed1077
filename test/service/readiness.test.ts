import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { activatedSocket, createReadiness } from '../../src/daemon/service/readiness.ts';
import { createNotifyReceiver } from './notify-receiver.ts';

const run = async (program: string, args: readonly string[], env: Record<string, string>) => {
  await execa(program, args, { env });
};
const healthy = () => Promise.resolve();

describe('under a service manager', () => {
  let manager: Awaited<ReturnType<typeof createNotifyReceiver>>;
  beforeEach(async () => {
    manager = await createNotifyReceiver();
  });
  afterEach(() => manager[Symbol.asyncDispose]());

  interface Watched {
    watchdogUsec: string;
    selfCheck: () => Promise<void>;
    report?: (failure: unknown) => void;
  }
  const ready = async (options: Watched) => {
    const readiness = createReadiness({
      environment: { NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: options.watchdogUsec },
      run,
      selfCheck: options.selfCheck,
      report: options.report ?? (() => undefined),
    });
    await readiness.notifyReady();
    expect(await manager.next()).toBe('READY=1');
    return readiness;
  };

  test('it is told of readiness, reloads and the end', async () => {
    const readiness = createReadiness({
      environment: { NOTIFY_SOCKET: manager.socket },
      run,
      selfCheck: healthy,
      report: () => undefined,
    });
    await readiness.notifyReady();
    await readiness.notifyReloading();
    await readiness.notifyReady();
    await readiness.notifyStopping();
    expect([await manager.next(), await manager.next(), await manager.next(), await manager.next()]).toEqual([
      'READY=1',
      'RELOADING=1',
      'READY=1',
      'STOPPING=1',
    ]);
  });

  test('the watchdog is pinged again and again, each time after a self-check', async () => {
    const selfCheck = vi.fn(healthy);
    const readiness = await ready({ watchdogUsec: '100000', selfCheck });
    expect(await manager.next()).toBe('WATCHDOG=1');
    expect(await manager.next()).toBe('WATCHDOG=1');
    expect(selfCheck.mock.calls.length).toBeGreaterThanOrEqual(2);
    await readiness[Symbol.asyncDispose]();
  });

  test('the watchdog is not pinged while the self-check fails, and is again once it succeeds', async () => {
    const runs: string[] = [];
    const selfCheck = vi.fn(healthy).mockRejectedValueOnce(new Error('no database')).mockRejectedValueOnce('again');
    const readiness = await ready({
      watchdogUsec: '100000',
      selfCheck,
      report: () => runs.push(`failed at check ${selfCheck.mock.calls.length}`),
    });
    expect(await manager.next()).toBe('WATCHDOG=1');
    expect(runs).toEqual(['failed at check 1', 'failed at check 2']);
    expect(selfCheck.mock.calls.length).toBeGreaterThanOrEqual(3);
    await readiness[Symbol.asyncDispose]();
  });

  test('a self-check that hangs counts as failed after a quarter of the time allowed', async () => {
    const failures: unknown[] = [];
    const readiness = await ready({
      watchdogUsec: '100000',
      selfCheck: () => new Promise(() => undefined),
      report: (failure) => failures.push(failure),
    });
    await vi.waitFor(() => {
      expect(String(failures[0])).toContain('the self-check took longer than 25 ms');
    });
    await readiness[Symbol.asyncDispose]();
  });

  test('the watchdog ends at once when it is disposed of', async () => {
    const selfCheck = vi.fn(healthy);
    const readiness = await ready({ watchdogUsec: '3600000000', selfCheck });
    await readiness[Symbol.asyncDispose]();
    expect(selfCheck).not.toHaveBeenCalled();
  });

  test('a manager that cannot be told makes the start fail', async () => {
    const readiness = createReadiness({
      environment: { NOTIFY_SOCKET: `${manager.socket}.gone` },
      run,
      selfCheck: healthy,
      report: () => undefined,
    });
    await expect(readiness.notifyReady()).rejects.toThrow('systemd-notify');
  });
});

test('without a service manager nothing is run and nothing is watched', async () => {
  const notRun = vi.fn(() => Promise.resolve());
  const readiness = createReadiness({
    environment: { WATCHDOG_USEC: '1000' },
    run: notRun,
    selfCheck: notRun,
    report: () => undefined,
  });
  await readiness.notifyReady();
  await readiness.notifyReloading();
  await readiness.notifyStopping();
  await readiness[Symbol.asyncDispose]();
  expect(notRun).not.toHaveBeenCalled();
});

describe('activatedSocket', () => {
  test('is the first descriptor after standard error when one socket was passed to this process', () => {
    expect(activatedSocket({ LISTEN_FDS: '1', LISTEN_PID: '42' }, 42)).toBe(3);
  });

  test('is none when nothing was passed, or it was passed to another process', () => {
    expect(activatedSocket({}, 42)).toBeNull();
    expect(activatedSocket({ LISTEN_FDS: '1' }, 42)).toBeNull();
    expect(activatedSocket({ LISTEN_FDS: '1', LISTEN_PID: '41' }, 42)).toBeNull();
  });

  test('refuses several sockets and says what to change', () => {
    expect(() => activatedSocket({ LISTEN_FDS: '2', LISTEN_PID: '42' }, 42)).toThrow(
      'the service manager passed 2 sockets instead of one',
    );
  });
});
