import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RpcError } from '../../src/rpc/errors.ts';
import { serve, type Methods } from '../rpc/rig.ts';
import { endedRun, run } from './rig.ts';

/** `wtd exec` lives in a process of its own: its signals and its standard streams are the point. */
const main = join(import.meta.dirname, '../../src/main.ts');

let worktree: string;
beforeAll(() => {
  worktree = realpathSync(mkdtempSync(join(tmpdir(), 'wtd-exec-')));
});
afterAll(() => {
  rmSync(worktree, { recursive: true });
});

interface Heard {
  registered: Record<string, unknown>[];
  beats: Record<string, unknown>[];
  finished: Record<string, unknown>[];
}

function listening(changes: Methods = {}): { methods: Methods; heard: Heard } {
  const heard: Heard = { registered: [], beats: [], finished: [] };
  const methods: Methods = {
    'run.register': (params) => {
      heard.registered.push(params);
      const env = { WTD_PLAN: 'login', PORT: '8100' };
      return { run: 'run-1', token: 'secret', cwd: worktree, env, heartbeatMs: 10_000 };
    },
    'run.heartbeat': (params) => {
      heard.beats.push(params);
      return run();
    },
    'run.finish': (params) => {
      heard.finished.push(params);
      return endedRun();
    },
    ...changes,
  };
  return { methods, heard };
}

async function startExec(argv: readonly string[], methods: Methods, env: Record<string, string> = {}) {
  const { path } = await serve(methods);
  return execa(process.execPath, ['--import', 'tsx', main, 'exec', ...argv], {
    env: { WTD_SOCKET: path, WTD_AUTOSTART: '0', GIT_DIR: '/elsewhere', WTD_RUN: 'outer', ...env },
    reject: false,
    stdin: 'ignore',
  });
}

describe('wtd exec', () => {
  test('runs the command in the worktree with the environment of the run, and ends as it does', async () => {
    const { methods, heard } = listening();
    const script = 'echo "$PWD $WTD_PLAN $PORT ${GIT_DIR:-none} ${WTD_RUN:-none}"; exit 3';
    const { stdout, exitCode } = await startExec(['login', '--', 'sh', '-c', script], methods);
    expect(stdout).toBe(`${worktree} login 8100 none none`);
    expect(exitCode).toBe(3);
    expect(heard.registered).toEqual([
      { plan: 'login', cwd: process.cwd(), command: ['sh', '-c', script], pid: expect.any(Number) as number },
    ]);
    expect(heard.finished).toEqual([{ run: 'run-1', token: 'secret', exitCode: 3 }]);
  });

  test("tells the daemon the command's own process", async () => {
    const { methods, heard } = listening();
    const { stdout } = await startExec(['login', '--', 'sh', '-c', 'echo $$'], methods);
    expect(heard.beats[0]).toEqual({ run: 'run-1', token: 'secret', pid: Number(stdout) });
  });

  test('without a command is a shell', async () => {
    const { methods, heard } = listening();
    expect((await startExec(['login'], methods, { SHELL: '/bin/true' })).exitCode).toBe(0);
    expect(heard.registered).toMatchObject([{ command: ['/bin/true'] }]);
  });

  test('of a command that a signal ends exits with 128 and the signal', async () => {
    const { methods, heard } = listening();
    const { exitCode } = await startExec(['login', '--', 'sh', '-c', 'kill -KILL $$'], methods);
    expect(exitCode).toBe(137);
    expect(heard.finished).toMatchObject([{ exitCode: 137 }]);
  });

  test('leaves INT to the command and passes TERM on to it', async () => {
    const { methods, heard } = listening();
    const script = 'trap "exit 9" TERM; kill -INT $PPID; kill -TERM $PPID; while :; do sleep 0.05; done';
    const { exitCode } = await startExec(['login', '--', 'sh', '-c', script], methods);
    expect(exitCode).toBe(9);
    expect(heard.finished).toMatchObject([{ exitCode: 9 }]);
  });

  test('of a program that does not exist exits 12 and records 127', async () => {
    const { methods, heard } = listening();
    const { exitCode, stderr } = await startExec(['login', '--', 'no-such-program'], methods);
    expect(exitCode).toBe(12);
    expect(stderr).toContain('wtd: "no-such-program" could not be started: there is no such program');
    expect(heard.finished).toMatchObject([{ exitCode: 127 }]);
  });

  test('for a program prints the run, and what the command says goes beside it', async () => {
    const { methods } = listening();
    const { stdout, stderr } = await startExec(['login', '--json', '--', 'echo', 'hello'], methods);
    expect(JSON.parse(stdout)).toEqual(endedRun());
    expect(stderr).toContain('hello');
  });

  test('goes on when the daemon goes away, and records the end with the next one', async () => {
    let refusals = 2;
    const { methods, heard } = listening({
      'run.heartbeat': (_params, connection) => {
        connection.close();
        return run();
      },
    });
    const finish = methods['run.finish'];
    methods['run.finish'] = (params, connection) => {
      if (refusals-- > 0)
        throw new RpcError(1016, 'the daemon is about to end', { code: 'SHUTTING_DOWN', hint: 'wait' });
      return finish?.(params, connection);
    };
    const { exitCode, stderr } = await startExec(['login', '--', 'sh', '-c', 'sleep 0.3; exit 4'], methods);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 4, stderr: '' });
    expect(heard.finished).toEqual([{ run: 'run-1', token: 'secret', exitCode: 4 }]);
  });

  test('starts nothing when the plan already runs', async () => {
    const { methods } = listening({
      'run.register': () =>
        Promise.reject(new RpcError(1003, 'login already runs', { code: 'DUPLICATE_RUN', hint: 'wtd logs login' })),
    });
    const { exitCode, stdout } = await startExec(['login', '--', 'echo', 'started'], methods);
    expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: '' });
  });
});
