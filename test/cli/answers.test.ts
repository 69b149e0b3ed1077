import { describe, expect, test } from 'vitest';
import { errors } from '../../src/contract/errors.ts';
import { RpcError } from '../../src/rpc/errors.ts';
import { StreamSource } from '../../src/rpc/stream-source.ts';
import type { Methods } from '../rpc/rig.ts';
import { endedRun, event, picture, plan, refuse, run, wtd } from './rig.ts';

/** Gives the items and ends. */
const streamOf = (...items: unknown[]) =>
  new StreamSource(async function* () {
    yield* await Promise.resolve(items);
  });

/** What the daemon was asked, last. */
function recording(method: string, answer: unknown): { methods: Methods; asked: () => unknown } {
  let params: unknown;
  return {
    methods: {
      [method]: (given: unknown) => {
        params = given;
        return answer;
      },
    },
    asked: () => params,
  };
}

describe('for a program', () => {
  test("the answer is the method's result, unchanged, and nothing else", async () => {
    const { out, err, exitCode } = await wtd(['plan', 'show', 'login', '--json'], {
      methods: { 'plan.show': () => plan() },
    });
    expect(JSON.parse(out)).toEqual(plan());
    expect(out.split('\n')).toHaveLength(2);
    expect({ err, exitCode }).toEqual({ err: '', exitCode: 0 });
  });

  test('a stream is one document a line', async () => {
    const items = [
      { offset: 0, line: 'one' },
      { offset: 4, line: 'two' },
    ];
    const { out } = await wtd(['logs', 'login', '--json'], { methods: { 'plan.logs': () => streamOf(...items) } });
    expect(
      out
        .split('\n')
        .filter(Boolean)
        .map((line): unknown => JSON.parse(line)),
    ).toEqual(items);
  });

  test('a refusal is a document on standard output', async () => {
    const methods = { 'plan.show': () => Promise.reject(refuse(1001, 'NOT_FOUND', 'there is no plan x')) };
    const { out, err, exitCode } = await wtd(['plan', 'show', 'x', '--json'], { methods });
    expect(JSON.parse(out)).toEqual({
      error: { code: 1001, message: 'there is no plan x', data: { code: 'NOT_FOUND', hint: 'try something else' } },
    });
    expect({ err, exitCode }).toEqual({ err: '', exitCode: 3 });
  });

  test('so is a mistake in the command line, and a daemon that is not there', async () => {
    expect(JSON.parse((await wtd(['start', '--json'])).out)).toMatchObject({
      error: { code: -32602, data: { code: 'INVALID_PARAMS' } },
    });
    expect(JSON.parse((await wtd(['strat', '--json'])).out)).toMatchObject({
      error: { code: -32601, data: { code: 'METHOD_NOT_FOUND' } },
    });
    const { out, exitCode } = await wtd(['status', '--json']);
    expect(JSON.parse(out)).toMatchObject({ error: { code: null, data: { code: 'UNAVAILABLE' } } });
    expect(exitCode).toBe(69);
  });
});

test('the exit code is the one of the table of errors', async () => {
  for (const [name, { rpc, exit }] of Object.entries(errors)) {
    if (rpc === null) continue;
    const methods = { 'plan.list': () => Promise.reject(refuse(rpc, name, 'no')) };
    expect(await wtd(['plan', 'list'], { methods }), name).toEqual({
      exitCode: exit,
      out: '',
      err: 'wtd: no\n  try something else\n',
    });
  }
});

describe('the daemon is asked', () => {
  test('with the directory, absolute paths and the whole environment', async () => {
    const { methods, asked } = recording('plan.start', run());
    const env = { HOME: '/home/dev', TOKEN: 'secret' };
    await wtd(['start', 'login', '--repo', './a', '--file', 'p.md', '--', 'claude'], { methods, env });
    expect(asked()).toEqual({
      plan: 'login',
      repository: '/home/dev/shop/a',
      cwd: '/home/dev/shop',
      file: '/home/dev/shop/p.md',
      command: ['claude'],
      env,
    });
  });

  test('what `wtd rpc` says, as it stands', async () => {
    const { methods, asked } = recording('plan.show', plan());
    const { out } = await wtd(['rpc', 'plan.show', '{"plan":"login"}'], { methods });
    expect(asked()).toEqual({ plan: 'login' });
    expect(JSON.parse(out)).toEqual(plan());
  });

  test('for a stream also by `wtd rpc`', async () => {
    const methods = { 'event.watch': () => streamOf(event({ seq: 1 }), event({ seq: 2 })) };
    const { out } = await wtd(['rpc', 'event.watch'], { methods });
    expect(out.split('\n').filter(Boolean)).toHaveLength(2);
  });

  test('nothing when the parameters are not JSON', async () => {
    expect((await wtd(['rpc', 'plan.show', '{'], { methods: {} })).exitCode).toBe(2);
  });
});

describe('wtd start', () => {
  test('says where the plan runs', async () => {
    const methods = { 'plan.start': () => run(), 'plan.show': () => plan() };
    expect(await wtd(['start', 'login'], { methods })).toEqual({
      exitCode: 0,
      err: '',
      out: 'login running, pid 4321, ports 8100-8109, in worktrees/plan-login\nfollow it with: wtd logs -f login\n',
    });
  });

  test('still answers when the ports cannot be told', async () => {
    const { exitCode, out } = await wtd(['start', 'login'], { methods: { 'plan.start': () => run() } });
    expect(exitCode).toBe(0);
    expect(out).toContain('login running, pid 4321, in worktrees/plan-login');
  });

  test('exits 12 when the command could not be started', async () => {
    const failed = endedRun({ state: 'failed', reason: 'spawn', exitCode: null });
    const methods = { 'plan.start': () => failed, 'plan.show': () => plan() };
    expect(await wtd(['start', 'login'], { methods })).toMatchObject({ exitCode: 12 });
    expect(await wtd(['start', 'login', '--json'], { methods })).toMatchObject({ exitCode: 12 });
  });

  test('with --wait exits as the command did, and answers its end', async () => {
    const end = endedRun({ state: 'failed', exitCode: 3 });
    const methods = { 'plan.start': () => run(), 'plan.show': () => plan(), 'plan.wait': () => end };
    const { exitCode, out } = await wtd(['start', 'login', '--wait', '--json'], { methods });
    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toEqual(end);
    const told = await wtd(['start', 'login', '--wait'], { methods });
    expect(told.exitCode).toBe(3);
    expect(told.out).toContain('login failed (exit code 3) after 1m');
  });
});

test('wtd restart says where the plan runs, as wtd start does', async () => {
  const methods = { 'plan.restart': () => run(), 'plan.show': () => plan() };
  expect(await wtd(['restart', 'login'], { methods })).toMatchObject({
    exitCode: 0,
    out: 'login running, pid 4321, ports 8100-8109, in worktrees/plan-login\nfollow it with: wtd logs -f login\n',
  });
  expect(JSON.parse((await wtd(['restart', 'login', '--json'], { methods })).out)).toEqual(run());
});

test('what the daemon would not take is looked up by the command that was typed', async () => {
  const hint = 'see the parameters of plan.start in rpc.discover';
  const refusal = new RpcError(-32602, 'plan: is no name', { code: 'INVALID_PARAMS', hint, issues: [] });
  const methods = { 'plan.start': () => Promise.reject(refusal) };
  expect(await wtd(['start', 'bad/name', '--', 'true'], { methods })).toEqual({
    exitCode: 2,
    out: '',
    err: 'wtd: plan: is no name\n  see what it takes with: wtd help start\n',
  });
  const { out } = await wtd(['start', 'bad/name', '--json', '--', 'true'], { methods });
  expect(JSON.parse(out)).toMatchObject({ error: { data: { hint } } });
});

describe('wtd wait', () => {
  const methods = {
    'plan.wait': ({ plan: name }: Record<string, unknown>) =>
      endedRun({ plan: String(name), ...(name === 'bad' && { state: 'failed' as const, exitCode: 4 }) }),
  };

  test('of one plan answers its run', async () => {
    const { out, exitCode } = await wtd(['wait', 'good', '--json'], { methods });
    expect(JSON.parse(out)).toMatchObject({ plan: 'good' });
    expect(exitCode).toBe(0);
    expect((await wtd(['wait', 'bad'], { methods })).exitCode).toBe(1);
  });

  test('of several plans exits 0 only if all of them succeeded', async () => {
    const { out, exitCode } = await wtd(['wait', 'good', 'bad', '--json'], { methods });
    expect(JSON.parse(out)).toMatchObject({ runs: [{ plan: 'good' }, { plan: 'bad' }] });
    expect(exitCode).toBe(1);
    expect((await wtd(['wait', 'good', 'better'], { methods })).exitCode).toBe(0);
  });
});

describe('for people', () => {
  test('logs are printed as they are', async () => {
    const methods = { 'plan.logs': () => streamOf({ offset: 0, line: '\u001b[1mone' }, { offset: 8, line: '' }) };
    expect((await wtd(['logs', 'login'], { methods })).out).toBe('\u001b[1mone\n\n');
  });

  test('a list is a table, an empty one a sentence', async () => {
    const methods = { 'plan.list': () => ({ plans: [plan()] }), 'run.list': () => ({ runs: [] }) };
    expect((await wtd(['plan', 'list'], { methods })).out).toMatch(/^REPOSITORY {2}STATE .*\nshop {8}running {2}login/);
    expect((await wtd(['run', 'list'], { methods })).out).toBe('no runs\n');
  });

  test('there are colours on a terminal, unless NO_COLOR says otherwise', async () => {
    const methods = { 'status.get': () => picture([plan()]) };
    const paint = '\u001b[32mrunning';
    expect((await wtd(['status'], { methods, isTerminal: true })).out).toContain(paint);
    expect((await wtd(['status'], { methods })).out).not.toContain(paint);
    const env = { NO_COLOR: '1' };
    expect((await wtd(['status'], { methods, isTerminal: true, env })).out).not.toContain(paint);
    expect((await wtd(['status'], { methods, isTerminal: true, env: { NO_COLOR: '' } })).out).toContain(paint);
  });

  test('status --watch redraws on a terminal and appends elsewhere', async () => {
    const methods = { 'status.watch': () => streamOf(picture([plan()]), picture([])) };
    const redrawn = await wtd(['status', '--watch'], { methods, isTerminal: true });
    expect(redrawn.out.split('\u001b[H\u001b[J')).toHaveLength(3);
    expect((await wtd(['status', '--watch'], { methods })).out).not.toContain('\u001b');
    expect((await wtd(['status', '--watch', '--json'], { methods })).out.split('\n')).toHaveLength(3);
  });

  test('events are listed, or followed line by line', async () => {
    const methods = { 'event.list': () => ({ events: [event()] }), 'event.watch': () => streamOf(event()) };
    expect((await wtd(['events'], { methods })).out).toContain('run.started');
    expect((await wtd(['events', '-f'], { methods })).out).toBe(
      '7 2026-01-01T00:00:00.000Z run.started shop/login {"pid":4321}\n',
    );
    expect((await wtd(['events', '-f', '--limit', '3'], { methods })).exitCode).toBe(2);
  });
});

describe('wtd shutdown', () => {
  test('is over when the daemon is gone', async () => {
    let ended = false;
    const methods: Methods = {
      'daemon.shutdown': (params, connection) => {
        expect(params).toEqual({ runs: 'stop' });
        setTimeout(() => {
          ended = true;
          connection.close();
        }, 50);
        return {};
      },
    };
    const { exitCode, out } = await wtd(['shutdown', '--stop-runs'], { methods });
    expect({ exitCode, out, ended }).toEqual({ exitCode: 0, out: 'the daemon has ended\n', ended: true });
  });

  test('has nobody to end when no daemon answers', async () => {
    expect((await wtd(['shutdown'])).exitCode).toBe(69);
  });
});

test('a daemon that goes away is said so', async () => {
  const methods: Methods = {
    'plan.wait': (_params, connection) => {
      connection.close();
      return new Promise(() => undefined);
    },
  };
  const { exitCode, err } = await wtd(['wait', 'login'], { methods });
  expect(exitCode).toBe(69);
  expect(err).toMatch(/^wtd: .*connection.*\n {2}\S/);
});
