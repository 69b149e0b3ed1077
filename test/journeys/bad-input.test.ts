import { expect, describe, test } from 'vitest';
import { footprint } from '../rig/footprint.ts';
import { pathsOf, refused } from '../rig/refusals.ts';
import { Rig } from '../rig/rig.ts';

describe('parameters', () => {
  const start = { plan: 'login', command: ['true'] };
  const wrong: [method: string, params: unknown, paths: string[]][] = [
    ['plan.start', { ...start, wait: true, Plan: 'x' }, ['wait', 'Plan']],
    ['plan.start', {}, ['plan']],
    ['plan.start', { ...start, plan: 1 }, ['plan']],
    ['plan.start', { ...start, command: 'true' }, ['command']],
    ['plan.start', { ...start, command: [] }, ['command']],
    ['plan.start', { ...start, command: [''] }, ['command']],
    ['plan.start', { ...start, command: ['true', 1] }, ['command.1']],
    ['plan.start', { ...start, command: ['tr\0ue'] }, ['command.0']],
    ['plan.start', { ...start, command: ['true', 'nul\0'] }, ['command.1']],
    ['plan.start', { ...start, env: ['PATH=/bin'] }, ['env']],
    ['plan.start', { ...start, env: { '': 'x' } }, ['env.']],
    ['plan.start', { ...start, env: { 'A=B': 'x' } }, ['env.A=B']],
    ['plan.start', { ...start, env: { 'A\0B': 'x' } }, ['env.A\0B']],
    ['plan.start', { ...start, env: { A: 'nul\0' } }, ['env.A']],
    ['plan.start', { ...start, env: { A: 1 } }, ['env.A']],
    ['plan.start', { ...start, whenFull: 'wait' }, ['whenFull']],
    ['plan.start', { ...start, cwd: 'relative' }, ['cwd']],
    ['plan.start', { ...start, cwd: '/nul\0' }, ['cwd']],
    ['plan.stop', { plan: 'login', timeoutMs: -1 }, ['timeoutMs']],
    ['plan.stop', { plan: 'login', timeoutMs: 1.5 }, ['timeoutMs']],
    ['plan.stop', { plan: 'login', timeoutMs: 1e300 }, ['timeoutMs']],
    ['plan.stop', { plan: 'login', force: 'yes' }, ['force']],
    ['plan.wait', {}, ['plan']],
    ['plan.logs', {}, ['plan']],
    ['plan.logs', { plan: 'login', tail: -1 }, ['tail']],
    ['plan.logs', { plan: 'login', from: 0.5 }, ['from']],
    ['run.list', { limit: 0 }, ['limit']],
    ['run.list', { limit: 1001 }, ['limit']],
    ['run.show', { run: '' }, ['run']],
    ['run.show', { run: { $ne: '' } }, ['run']],
    ['run.register', { plan: 'login', pid: 1 }, ['pid']],
    ['run.heartbeat', { run: 'x' }, ['token']],
    ['run.finish', { run: 'x', token: 'y', exitCode: 256 }, ['exitCode']],
    ['event.list', { types: ['no.such'] }, ['types.0']],
    ['event.list', { after: -1 }, ['after']],
    ['event.watch', { after: '1' }, ['after']],
    ['daemon.shutdown', { runs: 'all' }, ['runs']],
    ['daemon.status', { verbose: true }, ['verbose']],
    ['status.watch', { allPlans: 1 }, ['allPlans']],
    ['rpc.discover', { x: null }, ['x']],
    ['config.show', { key: 'ports' }, ['key']],
    ['repository.add', { path: '' }, ['path']],
    ['repository.add', { path: '/nul\0' }, ['path']],
    ['repository.add', { path: '/', channels: [''] }, ['channels.0']],
  ];

  test('that are unknown, missing, of a wrong type or out of range are each named', async () => {
    await using rig = await Rig.setUp();
    const before = await footprint(rig);
    for (const [method, params, paths] of wrong) {
      const refusal = await refused(rig, method, params);
      expect.soft([method, params, refusal.code, pathsOf(refusal)]).toEqual([method, params, 'INVALID_PARAMS', paths]);
      expect.soft(refusal.message, 'one sentence names what is wrong').toContain(paths[0]);
    }
    expect(await footprint(rig)).toEqual(before);
  });

  test('named like members that every object has are unknown as well', async () => {
    await using rig = await Rig.setUp();
    await using connection = await rig.connectRaw();
    connection.send(
      '{"jsonrpc":"2.0","id":1,"method":"daemon.status","params":{"__proto__":{"a":1},"constructor":1}}\n',
    );
    expect(await connection.next()).toMatchObject({ id: 1, error: { code: -32602 } });
    connection.send(
      '{"jsonrpc":"2.0","id":2,"method":"plan.start","params":{"plan":"x","command":["true"],"env":{"__proto__":"x"}}}\n',
    );
    expect(await connection.next()).toMatchObject({
      id: 2,
      error: { data: { code: expect.not.stringMatching('INTERNAL') as unknown } },
    });
  });
});

test('a method that does not exist is METHOD_NOT_FOUND, whatever it is called', async () => {
  await using rig = await Rig.setUp();
  for (const method of [
    'plan.strat',
    'plan',
    '',
    'constructor',
    '__proto__',
    'plan.constructor',
    'toString',
    'Plan.Start',
  ]) {
    expect(await refused(rig, method, {}), method).toMatchObject({ code: 'METHOD_NOT_FOUND' });
  }
  const refusal = await rig.wtd('rpc', 'plan.strat');
  expect(refusal.exitCode).toBe(2);
  expect((await rig.wtd('plan', 'strat')).stderr).toContain('did you mean wtd plan start?');
});

test('a run is not registered for a process that does not exist', async () => {
  await using rig = await Rig.setUp();
  const before = await footprint(rig);
  const params = { plan: 'login', repository: rig.repository.path };
  for (const pid of [2 ** 22 + 1, 2 ** 40]) {
    const refusal = await refused(rig, 'run.register', { ...params, pid });
    expect([refusal.code, pathsOf(refusal)]).toEqual(['INVALID_PARAMS', ['pid']]);
  }
  expect(await footprint(rig)).toEqual(before);
});

test('what a run is not known by is NOT_FOUND, and a wrong token UNAUTHORIZED', async () => {
  await using rig = await Rig.setUp();
  const { run, token } = await rig.call('run.register', { plan: 'login', repository: rig.repository.path });
  expect(await refused(rig, 'run.show', { run: 'nope' })).toMatchObject({ code: 'NOT_FOUND', kind: 'run' });
  for (const method of ['run.heartbeat', 'run.finish']) {
    const more = method === 'run.finish' ? { exitCode: 0 } : {};
    for (const wrong of [`${token}x`, 'x', run]) {
      expect(await refused(rig, method, { run, token: wrong, ...more })).toMatchObject({ code: 'UNAUTHORIZED' });
    }
    expect(await refused(rig, method, { run: 'nope', token, ...more })).toMatchObject({ code: 'NOT_FOUND' });
  }
  expect(await rig.call('run.show', { run })).toMatchObject({ state: 'running' });
  expect(await rig.call('run.finish', { run, token, exitCode: 3 })).toMatchObject({ state: 'failed', exitCode: 3 });
  expect(await refused(rig, 'run.finish', { run, token, exitCode: 0 })).toMatchObject({ code: 'INVALID_STATE' });
});
