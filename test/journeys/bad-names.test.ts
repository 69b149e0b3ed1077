import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, describe, test } from 'vitest';
import { footprint } from '../rig/footprint.ts';
import { pathsOf, refused } from '../rig/refusals.ts';
import { Rig } from '../rig/rig.ts';

const badNames = [
  '',
  '.',
  '..',
  '../escape',
  '/etc/passwd',
  'a/b',
  'a\\b',
  '-rf',
  '--help',
  '.hidden',
  '_x',
  'a..b',
  'x.',
  'x.lock',
  'nul\0',
  'line\nbreak',
  'end\n',
  'a b',
  'a'.repeat(65),
  'a'.repeat(300),
  'раураl',
  'ｆｕｌｌ',
  'café',
  'a\u202Eb',
  '@{u}',
  'a~1',
  '__proto__',
  '$(id)',
];

/** Every method that takes the name of a plan or gives a repository one, and the parameter that is it. */
const takers: [method: string, parameter: string, more: object][] = [
  ['plan.create', 'name', {}],
  ['plan.show', 'plan', {}],
  ['plan.start', 'plan', { command: ['true'] }],
  ['plan.stop', 'plan', {}],
  ['plan.restart', 'plan', {}],
  ['plan.wait', 'plan', {}],
  ['plan.logs', 'plan', {}],
  ['plan.remove', 'plan', {}],
  ['run.list', 'plan', {}],
  ['run.register', 'plan', {}],
];

describe('a bad name', () => {
  test('is INVALID_PARAMS in every method that takes one, and makes nothing', async () => {
    await using rig = await Rig.setUp();
    const before = await footprint(rig);
    for (const [method, parameter, more] of takers) {
      for (const name of badNames) {
        const refusal = await refused(rig, method, { repository: rig.repository.path, ...more, [parameter]: name });
        expect.soft([refusal.code, pathsOf(refusal)], `${method} ${name}`).toEqual(['INVALID_PARAMS', [parameter]]);
      }
    }
    for (const name of badNames) {
      const added = await refused(rig, 'repository.add', { path: rig.repository.path, name });
      expect.soft([added.code, pathsOf(added)], `repository.add ${name}`).toEqual(['INVALID_PARAMS', ['name']]);
      const params = { name: 'login', repository: rig.repository.path, dependsOn: ['fine', name] };
      const depending = await refused(rig, 'plan.create', params);
      expect
        .soft([depending.code, pathsOf(depending)], `dependsOn ${name}`)
        .toEqual(['INVALID_PARAMS', ['dependsOn.1']]);
    }
    expect(await footprint(rig)).toEqual(before);
  });

  test('is a sentence and exit 2 on the command line', async () => {
    await using rig = await Rig.setUp();
    for (const name of ['..', 'a/b', 'x.lock', 'a'.repeat(300), 'раураl']) {
      const refusal = await rig.wtd('start', name, '--', 'true');
      expect([refusal.exitCode, refusal.stdout]).toEqual([2, '']);
      expect(refusal.stderr).toMatch(/^wtd: plan: must /);
    }
    expect((await rig.wtd('start', '--', 'true')).exitCode).toBe(2);
    expect((await rig.wtd('start', '-rf', '--', 'true')).exitCode).toBe(2);
  });

  test('of a repository is refused where one is looked up, without a defect', async () => {
    await using rig = await Rig.setUp();
    await rig.call('repository.add', { path: rig.repository.path });
    for (const repository of badNames) {
      for (const method of ['repository.show', 'repository.remove', 'plan.list', 'status.get']) {
        const { code } = await refused(rig, method, { repository });
        expect.soft(['INVALID_PARAMS', 'NOT_FOUND'], `${method} ${repository}`).toContain(code);
      }
    }
    for (const method of ['repository.show', 'repository.remove', 'plan.list', 'status.get', 'run.list']) {
      const nul = await refused(rig, method, { repository: `${rig.repository.path}\0` });
      expect.soft([method, nul.code]).toEqual([method, 'INVALID_PARAMS']);
    }
  });

  test('as branch prefix keeps the configuration from being taken', async () => {
    await using rig = await Rig.setUp();
    const prefixes = [
      'plan',
      '../',
      '/',
      '-x/',
      'a//',
      'a b/',
      'a..b/',
      'x.lock/',
      'x./',
      'pläne/',
      'a\nb/',
      'a'.repeat(300) + '/',
    ];
    for (const prefix of prefixes) {
      rig.place.configure({ worktrees: { branch_prefix: prefix } });
      const refusal = await refused(rig, 'daemon.reload', {});
      expect
        .soft([refusal.code, refusal.message], prefix)
        .toEqual(['INVALID_PARAMS', expect.stringContaining('worktrees.branch_prefix')]);
    }
    rig.place.configure({ worktrees: { branch_prefix: 'team/plans/' } });
    await rig.call('daemon.reload', {});
    await rig.start('login', ['true']);
    expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
    expect(rig.repository.branches()).toEqual(['main', 'team/plans/login']);
  });
});

test('a name that only looks odd is an ordinary name', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 20 } } });
  const names = ['constructor', 'HEAD', 'a'.repeat(64), '1.2.3', 'A_b-c', 'nul', 'toString', 'x.locked'];
  for (const name of names) await rig.start(name, ['true']);
  for (const name of names) expect(await rig.wait(name)).toMatchObject({ plan: name, state: 'succeeded' });
});

describe('a base', () => {
  test.each(['plan.start', 'plan.create', 'run.register'])('is checked by %s', async (method) => {
    await using rig = await Rig.setUp();
    const before = await footprint(rig);
    const name = method === 'plan.create' ? { name: 'login' } : { plan: 'login' };
    const params = { ...name, repository: rig.repository.path, command: ['true'] };
    for (const base of ['-x', '--upload-pack=touch', '', 'nul\0', 'a'.repeat(2000)]) {
      const refusal = await refused(rig, method, { ...params, base });
      expect([refusal.code, pathsOf(refusal)], base).toEqual(['INVALID_PARAMS', ['base']]);
    }
    for (const base of ['no such', 'line\nbreak', ':/Begin^', 'main..', '../main', 'ünknown']) {
      const { code } = await refused(rig, method, { ...params, base });
      expect([base, code]).toEqual([base, 'NOT_FOUND']);
    }
    expect(await footprint(rig)).toEqual(before);
  });
});

test('a plan file outside the repository, or missing in it, is refused and makes nothing', async () => {
  await using rig = await Rig.setUp();
  const outside = join(rig.place.directory, 'plan.md');
  writeFileSync(outside, '# Plan\n');
  rig.repository.commit({ 'docs/other.md': '' });
  const before = await footprint(rig);
  const params = { plan: 'login', repository: rig.repository.path, command: ['true'] };
  for (const file of [
    outside,
    '../../plan.md',
    'docs/../../../plan.md',
    '/etc/passwd',
    rig.repository.path,
    '.',
    './',
  ]) {
    const refusal = await refused(rig, 'plan.start', { ...params, file });
    expect([file, refusal.code, pathsOf(refusal)]).toEqual([file, 'INVALID_PARAMS', ['file']]);
  }
  for (const file of ['docs/missing.md', 'docs', join(rig.repository.path, 'missing.md')]) {
    expect(await refused(rig, 'plan.start', { ...params, file })).toMatchObject({ code: 'NOT_FOUND', kind: 'file' });
  }
  const nul = await refused(rig, 'plan.start', { ...params, file: 'plan\0.md' });
  expect([nul.code, pathsOf(nul)]).toEqual(['INVALID_PARAMS', ['file']]);
  expect(await footprint(rig)).toEqual(before);
});
