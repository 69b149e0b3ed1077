import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/client/connect.ts';
import { serve } from '../rpc/rig.ts';
import { countingProgram, makePlace, program, servingProgram, starts } from './fake-daemon.ts';

const unavailable = (words: string) => ({
  name: 'UnavailableError',
  // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment
  message: expect.stringContaining(words),
  // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment
  data: { code: 'UNAVAILABLE', hint: expect.any(String) },
});

describe('a daemon that is there', () => {
  test('is found and not started again', async () => {
    const server = await serve({ 'daemon.status': () => ({ version: '1' }) });
    const place = makePlace();
    const start = countingProgram(place, '');
    await using client = await connect({ socketPath: server.path, start });
    expect(await client.call('daemon.status', {})).toEqual({ version: '1' });
    expect(() => starts(place)).toThrow('ENOENT');
  });

  test('is left by disposing of the client', async () => {
    const server = await serve({});
    const client = await connect({ socketPath: server.path, start: null });
    await client[Symbol.asyncDispose]();
    await client.closed;
    await expect(client.raw('any', {})).rejects.toMatchObject(unavailable('ended the connection'));
  });
});

describe('a daemon that is not there', () => {
  test('is UNAVAILABLE when none may be started, with a hint', async () => {
    const { socketPath } = makePlace();
    const error = connect({ socketPath, start: null });
    await expect(error).rejects.toMatchObject(unavailable(socketPath));
    await expect(error).rejects.toHaveProperty('data.hint', 'start it with `wtd daemon`');
    await expect(connect({ socketPath, start: null, absentHint: 'look' })).rejects.toHaveProperty('data.hint', 'look');
  });

  test('is started in / with only the environment given, in a session of its own', async () => {
    const place = makePlace();
    let told = 0;
    await using client = await connect({
      socketPath: place.socketPath,
      start: servingProgram(place),
      onStarting: () => told++,
    });
    const { pid, cwd, env } = (await client.raw('any', {})) as {
      pid: number;
      cwd: string;
      env: Record<string, string>;
    };
    expect({ cwd, told }).toEqual({ cwd: '/', told: 1 });
    expect(env).toMatchObject({ ONLY: 'this' });
    expect(env).not.toHaveProperty('HOME');
    expect(pid).not.toBe(process.pid);
    expect(statSync(place.errorFile).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(place.errorFile)).mode & 0o777).toBe(0o700);
  });

  test('is started although a dead one left its socket behind', async () => {
    const place = makePlace();
    const code = `require('node:net').createServer().listen(process.env.SOCKET, () => process.kill(process.pid, 'SIGKILL'))`;
    const dead = program(place, code);
    await new Promise((resolve) => spawn(dead.program, dead.args, { env: dead.env }).on('exit', resolve));
    expect(statSync(place.socketPath).isSocket()).toBe(true);
    await expect(connect({ socketPath: place.socketPath, start: null })).rejects.toMatchObject(
      unavailable('no daemon'),
    );
    const takeOver = `require('node:fs').unlinkSync(process.env.SOCKET);`;
    const start = servingProgram(place);
    writeFileSync(String(start.args[0]), takeOver + readFileSync(String(start.args[0]), 'utf8'));
    await using client = await connect({ socketPath: place.socketPath, start });
    expect(await client.raw('any', {})).toHaveProperty('cwd', '/');
  });

  test('that another client starts first is waited for', async () => {
    const place = makePlace();
    const loser = program(place, `process.stderr.write('another daemon is there'); process.exit(9)`);
    const connecting = connect({ socketPath: place.socketPath, start: loser });
    const winner = servingProgram(place);
    spawn(winner.program, winner.args, { env: winner.env, stdio: 'ignore' });
    await using client = await connecting;
    expect(await client.raw('any', {})).toHaveProperty('cwd', process.cwd());
  });

  test('that gave way to one that then failed is started again', async () => {
    const place = makePlace();
    const start = countingProgram(place, `if (require('node:fs').statSync(starts).size === 1) process.exit(9);`);
    const serving = servingProgram(place);
    writeFileSync(
      String(start.args[0]),
      [start, serving].map(({ args }) => readFileSync(String(args[0]), 'utf8')).join('\n'),
    );
    let told = 0;
    await using client = await connect({ socketPath: place.socketPath, start, onStarting: () => told++ });
    expect(await client.raw('any', {})).toHaveProperty('cwd', '/');
    expect({ starts: starts(place), told }).toEqual({ starts: 2, told: 1 });
  });

  test('that ends at once is UNAVAILABLE with its own sentence, and started only once', async () => {
    const place = makePlace();
    mkdirSync(dirname(place.errorFile));
    writeFileSync(place.errorFile, 'an older complaint\n');
    const start = countingProgram(
      place,
      `process.stderr.write('config.yaml: limits.max_runs is not known.\\n'); process.exitCode = 1`,
    );
    const error = connect({ socketPath: place.socketPath, start });
    await expect(error).rejects.toMatchObject({ message: 'config.yaml: limits.max_runs is not known.' });
    await expect(error).rejects.toMatchObject(unavailable('config.yaml'));
    expect(starts(place)).toBe(1);
    expect(readFileSync(place.errorFile, 'utf8')).toContain('an older complaint');
  });

  test('that complains to several clients at once is told by each of them once, with its own hint', async () => {
    const place = makePlace();
    const code = `process.stderr.write('wtd: limits.max_runs is not known\\n  correct it\\n'); process.exitCode = 2`;
    const start = program(place, code);
    const ends = await Promise.allSettled([1, 2, 3].map(() => connect({ socketPath: place.socketPath, start })));
    for (const end of ends) {
      expect(end).toMatchObject({
        reason: { message: 'limits.max_runs is not known', data: { code: 'UNAVAILABLE', hint: 'correct it' } },
      });
    }
  });

  test('that ends at once without a word is told by its exit code, and a missing program by its name', async () => {
    const place = makePlace();
    const silent = connect({ socketPath: place.socketPath, start: program(place, 'process.exit(3)') });
    await expect(silent).rejects.toMatchObject(unavailable('exit code 3'));
    const missing = { ...program(place, ''), program: '/nowhere/wtd' };
    await expect(connect({ socketPath: place.socketPath, start: missing })).rejects.toMatchObject(
      unavailable('/nowhere/wtd'),
    );
  });

  test('that never answers is given up in time', async () => {
    const place = makePlace();
    const start = program(place, `process.stderr.write('still thinking'); setTimeout(() => undefined, 3000)`);
    const error = connect({ socketPath: place.socketPath, start, startTimeoutMs: 500 });
    await expect(error).rejects.toMatchObject(unavailable('within 0.5 s'));
  });

  test('starts with an error file that had grown too long', async () => {
    const place = makePlace();
    mkdirSync(dirname(place.errorFile));
    writeFileSync(place.errorFile, 'x'.repeat(1_000_001));
    const start = program(place, `process.stderr.write('broken'); process.exitCode = 1`);
    await expect(connect({ socketPath: place.socketPath, start })).rejects.toMatchObject({ message: 'broken' });
    expect(readFileSync(place.errorFile, 'utf8')).toBe('broken');
  });
});

describe('a path that cannot be a socket', () => {
  test('is refused when it is too long, without starting anything', async () => {
    const place = makePlace();
    const socketPath = join(place.directory, 'x'.repeat(100));
    const start = countingProgram(place, '');
    await expect(connect({ socketPath, start })).rejects.toMatchObject(unavailable('longer than 103 bytes'));
    expect(() => starts(place)).toThrow('ENOENT');
  });

  test('is refused when it is a plain file or lies below one', async () => {
    const place = makePlace();
    writeFileSync(place.socketPath, '');
    const start = countingProgram(place, '');
    await expect(connect({ socketPath: place.socketPath, start })).rejects.toMatchObject(unavailable('not a socket'));
    const below = join(place.socketPath, 'x');
    await expect(connect({ socketPath: below, start })).rejects.toMatchObject(unavailable(below));
    expect(() => starts(place)).toThrow('ENOENT');
  });
});

describe('a daemon that a service manager keeps', () => {
  /** A service manager whose program runs this JavaScript; the words that it was told are in `told`. */
  function serviceOf(place: ReturnType<typeof makePlace>, code: string) {
    const told = join(place.directory, 'told');
    const script = `require('node:fs').appendFileSync(${JSON.stringify(told)}, process.argv[2] + ' ');\n${code}`;
    const { program: node, args, env } = program(place, script);
    const service = {
      program: node,
      env,
      start: [...args, 'start'],
      giveUp: [
        [...args, 'stop'],
        [...args, 'forget'],
      ],
    };
    return { service, told: () => readFileSync(told, 'utf8').trim().split(' ') };
  }

  test('is started by the manager alone, and waited for when the manager has not', async () => {
    const place = makePlace();
    const start = countingProgram(place, '');
    const serving = servingProgram(place);
    const { service, told } = serviceOf(
      place,
      `require('node:child_process').spawn(process.execPath, ${JSON.stringify(serving.args)}, { detached: true, stdio: 'ignore' }).unref()`,
    );
    let failed = 0;
    await using client = await connect({
      socketPath: place.socketPath,
      start: { ...start, service },
      onServiceFailed: () => failed++,
    });
    expect(await client.raw('any', {})).toHaveProperty('pid');
    expect([told(), failed]).toEqual([['start'], 0]);
    expect(() => starts(place)).toThrow('ENOENT');
  });

  test('is started without a manager that fails, once the manager has given up, and why is told', async () => {
    const place = makePlace();
    const { service, told } = serviceOf(place, `process.stderr.write('no bus\\nsee it\\n'); process.exitCode = 1`);
    const reasons: string[] = [];
    await using client = await connect({
      socketPath: place.socketPath,
      start: { ...servingProgram(place), service },
      onServiceFailed: (reason) => reasons.push(reason),
    });
    expect(await client.raw('any', {})).toHaveProperty('cwd', '/');
    expect([told(), reasons]).toEqual([['start', 'stop', 'forget'], ['no bus']]);
  });

  test('is started without a manager that is not there', async () => {
    const place = makePlace();
    const service = { program: '/nonexistent/systemctl', env: {}, start: ['start'], giveUp: [] };
    const reasons: string[] = [];
    await using client = await connect({
      socketPath: place.socketPath,
      start: { ...servingProgram(place), service },
      onServiceFailed: (reason) => reasons.push(reason),
    });
    expect(await client.raw('any', {})).toHaveProperty('cwd', '/');
    expect(reasons.join()).toContain('ENOENT');
  });
});
