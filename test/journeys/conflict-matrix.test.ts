import { chmodSync, existsSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ConflictPair } from '../../src/contract/conflict.ts';
import type { Result } from '../../src/contract/index.ts';
import { commitAll, planWithBranch } from '../rig/branches.ts';
import { finishPlan } from '../rig/doctor.ts';
import { footprint } from '../rig/footprint.ts';
import type { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { stateOf } from '../rig/tree-state.ts';
import { until } from '../rig/until.ts';

const lines = (first: string, last: string): string => `${first}\n2\n3\n4\n5\n6\n7\n8\n${last}\n`;
const base = lines('1', '9');

const matrix = (rig: Rig, uncommitted = false) =>
  rig.call('conflict.matrix', { repository: rig.repository.path, uncommitted });

/** Without what its branches are called. */
function pairOf({ pairs }: Result<'conflict.matrix'>, a: string, b: string): Omit<ConflictPair, 'a' | 'b'> | undefined {
  const found = pairs.find((pair) => pair.a === `plan/${a}` && pair.b === `plan/${b}`);
  return found && { conflicts: found.conflicts, files: found.files, shared: found.shared, severity: found.severity };
}

const clean = { conflicts: false, files: [], shared: [], severity: null };

async function planThat(rig: Rig, name: string, work: (checkout: Checkout) => void): Promise<Checkout> {
  const checkout = await planWithBranch(rig, name);
  work(checkout);
  commitAll(checkout);
  return checkout;
}

test('conflict.matrix tells of every pair which files conflict, how, and which are shared', async () => {
  await using rig = await Rig.setUp();
  const names = ['text', 'moved', 'picture', 'gone', 'tool', 'split', 'odd\nname ü'];
  rig.repository.commit(Object.fromEntries(names.map((name) => [name, `${name}\n${base}`])));
  rig.repository.commit({ picture: '\0\u0001' });
  await planThat(rig, 'first', (checkout) => {
    checkout.write('text', `text\n${lines('first', '9')}`);
    checkout.write('odd\nname ü', 'first');
    checkout.git('mv', 'moved', 'elsewhere');
  });
  await planThat(rig, 'second', (checkout) => {
    checkout.write('text', `text\n${lines('1', 'second')}`);
    checkout.write('moved', `moved\n${lines('1', 'second')}`);
    checkout.write('picture', '\0\u0002');
    checkout.write('fresh', 'second');
    checkout.git('rm', '-q', 'gone');
    checkout.git('mv', 'split', 'split-second');
  });
  await planThat(rig, 'third', (checkout) => {
    checkout.write('text', `text\n${lines('third', '9')}`);
    checkout.write('odd\nname ü', 'third');
    checkout.write('picture', '\0\u0003');
    checkout.write('fresh', 'third');
    checkout.write('gone', 'changed');
    checkout.git('mv', 'split', 'split-third');
  });
  await planThat(rig, 'apart', (checkout) => {
    chmodSync(join(checkout.path, 'tool'), 0o755);
  });
  const found = await matrix(rig);
  expect(found.branches).toEqual(['plan/first', 'plan/second', 'plan/third', 'plan/apart']);
  expect(found.plans[0]).toEqual({ name: 'first', branch: 'plan/first', base: 'main', uncommitted: false });
  expect(found.pairs).toHaveLength(6);
  expect(pairOf(found, 'first', 'second')).toEqual({ ...clean, shared: ['elsewhere', 'text'], severity: 'low' });
  expect(pairOf(found, 'first', 'third')).toEqual({
    ...{ conflicts: true, shared: [], severity: 'medium' },
    files: [
      { path: 'odd\nname ü', kind: 'content' },
      { path: 'text', kind: 'content' },
    ],
  });
  expect(pairOf(found, 'second', 'third')).toEqual({
    ...{ conflicts: true, shared: ['text'], severity: 'high' },
    files: [
      { path: 'fresh', kind: 'addAdd' },
      { path: 'gone', kind: 'modifyDelete' },
      { path: 'picture', kind: 'binary' },
      { path: 'split', kind: 'rename' },
      { path: 'split-second', kind: 'rename' },
      { path: 'split-third', kind: 'rename' },
    ],
  });
  expect(pairOf(found, 'first', 'apart')).toEqual(clean);
  expect(found.withBase.map(({ a, b, conflicts, severity }) => [a, b, conflicts, severity])).toEqual(
    found.branches.map((branch) => [branch, 'main', false, null]),
  );
  expect(rig.repository.git('count-objects', '-v')).toContain('garbage: 0');
  expect(readdirSync(join(rig.place.home, 'trials'))).toEqual([]);

  rig.repository.commit({ text: 'main' });
  const moved = await matrix(rig);
  expect(moved.pairs).toEqual(found.pairs);
  expect(moved.withBase[0]).toEqual({
    ...{ a: 'plan/first', b: 'main', conflicts: true, shared: [], severity: 'medium' },
    files: [{ path: 'text', kind: 'content' }],
  });
});

test('a file and a directory of the same name, modes, links and submodules get their honest answer', async () => {
  await using rig = await Rig.setUp();
  const library = rig.place.makeDirectory('library');
  const commits = ['1', '2', '3'].map((content) => {
    const checkout = rig.repository.at(library);
    if (content === '1') checkout.git('init', '--quiet', '--initial-branch=main');
    return checkout.commit({ content });
  });
  const pin = (checkout: Checkout, at: number) =>
    checkout.git('update-index', '--add', '--cacheinfo', `160000,${commits[at] ?? ''},library`);
  pin(rig.repository, 0);
  rig.repository.git('commit', '-qm', 'Pin');
  const work = (name: string, at: number, write: (checkout: Checkout) => void) =>
    planWithBranch(rig, name).then((checkout) => {
      write(checkout);
      checkout.git('add', '--all', '--', ':!library');
      pin(checkout, at);
      checkout.git('commit', '-qm', name);
    });
  await work('one', 1, (checkout) => {
    checkout.write('place', 'a file\n');
    symlinkSync('README.md', join(checkout.path, 'link'));
  });
  await work('two', 2, (checkout) => {
    checkout.write('place/inside', 'in a directory\n');
    symlinkSync('library', join(checkout.path, 'link'));
  });
  const pair = pairOf(await matrix(rig), 'one', 'two');
  expect(pair).toMatchObject({ conflicts: true, severity: 'medium' });
  expect(pair?.files).toEqual([
    { path: 'library', kind: 'submodule' },
    { path: 'link', kind: 'addAdd' },
    { path: 'place', kind: 'directory' },
  ]);
});

test('what has no common ancestor is said to be unrelated, and a branch that is gone is left out', async () => {
  await using rig = await Rig.setUp();
  await planThat(rig, 'usual', (checkout) => {
    checkout.write('README.md', 'usual\n');
  });
  await planThat(rig, 'also-usual', (checkout) => {
    checkout.write('other', 'also\n');
  });
  const strange = await planWithBranch(rig, 'strange');
  strange.git('checkout', '-q', '--orphan', 'elsewhere');
  strange.write('README.md', 'strange\n');
  commitAll(strange);
  strange.git('checkout', '-q', '-B', 'plan/strange');
  const gone = await planThat(rig, 'gone', (checkout) => {
    checkout.write('x', 'x');
  });
  expect((await matrix(rig)).branches).toContain('plan/gone');
  rig.repository.git('worktree', 'remove', '--force', gone.path);
  rig.repository.git('branch', '-D', 'plan/gone');
  const found = await matrix(rig);
  expect(found.branches).toEqual(['plan/usual', 'plan/also-usual', 'plan/strange']);
  const files = [{ path: 'README.md', kind: 'unrelated' }];
  expect(pairOf(found, 'usual', 'strange')).toEqual({ conflicts: true, files, shared: [], severity: 'medium' });
  expect(pairOf(found, 'usual', 'also-usual')).toEqual(clean);
  expect(found.withBase[2]).toMatchObject({ a: 'plan/strange', b: 'main', conflicts: true });
});

test('completed and abandoned work, and plans without any, are not in it', async () => {
  await using rig = await Rig.setUp();
  await rig.call('plan.create', { name: 'idle', repository: rig.repository.path });
  await planWithBranch(rig, 'empty');
  await planThat(rig, 'done', (checkout) => {
    checkout.write('done', 'done');
  });
  rig.repository.git('merge', '-q', '--no-ff', '-m', 'done', 'plan/done');
  const none = { branches: [], plans: [], pairs: [], withBase: [] };
  expect(await matrix(rig)).toMatchObject(none);
  const { exitCode, stdout } = await rig.wtd('conflicts');
  expect([exitCode, stdout]).toEqual([0, 'no plan has work that has yet to come home\n']);
});

test('uncommitted work counts when asked for, and no worktree is touched', async () => {
  await using rig = await Rig.setUp();
  const names = ['staged', 'unstaged', 'removed', 'unmerged'];
  rig.repository.commit({
    '.gitignore': 'ignored\n',
    '.gitattributes': 'unstaged text eol=crlf\n',
    ...Object.fromEntries(names.map((name) => [name, base])),
  });
  const one = await finishPlan(rig, 'one');
  one.write('staged', lines('one', '9'));
  one.git('add', 'staged');
  one.write('unstaged', lines('one', '9').replaceAll('\n', '\r\n'));
  one.write('fresh', 'one\n');
  one.write('ignored', 'one\n');
  one.write('-odd\n"name" ü', 'one\n');
  rmSync(join(one.path, 'removed'));
  writeFileSync(Buffer.concat([Buffer.from(`${one.path}/latin-`), Buffer.from([0xe9])]), 'one\n');
  for (const name of ['nested', 'unborn']) {
    const nested = rig.repository.at(join(one.path, name));
    nested.write('file', 'nested\n');
    nested.git('init', '-q');
    if (name === 'nested') commitAll(nested);
  }
  const two = await finishPlan(rig, 'two');
  two.commit({ unmerged: lines('two', '9'), fresh: 'two\n', staged: lines('two', '9') });
  two.git('switch', '-q', '-c', 'aside', 'main');
  two.commit({ unmerged: lines('aside', '9') });
  two.git('switch', '-q', 'plan/two');
  expect(() => two.git('merge', 'aside')).toThrow();
  two.write('removed', lines('two', '9'));
  two.write('unstaged', lines('1', 'two').replaceAll('\n', '\r\n'));
  two.write('ignored', 'two\n');

  const committed = await matrix(rig);
  expect(committed.branches).toEqual(['plan/two']);
  const before = [stateOf(one), stateOf(two), await footprint(rig)];
  const indexes = [one, two].map((checkout) =>
    checkout.git('rev-parse', '--path-format=absolute', '--git-path', 'index'),
  );
  const bytes = () => indexes.map((index) => rig.repository.git('hash-object', '--no-filters', index));
  const objects = rig.repository.git('count-objects', '-v');
  const written = bytes();
  const found = await matrix(rig, true);
  expect(bytes()).toEqual(written);
  expect(rig.repository.git('count-objects', '-v')).toBe(objects);
  expect([stateOf(one), stateOf(two), await footprint(rig)]).toEqual(before);
  expect(found.plans.map(({ name, uncommitted }) => [name, uncommitted])).toEqual([
    ['one', true],
    ['two', true],
  ]);
  expect(pairOf(found, 'one', 'two')).toEqual({
    ...{ conflicts: true, shared: ['unstaged'], severity: 'high' },
    files: [
      { path: 'fresh', kind: 'addAdd' },
      { path: 'removed', kind: 'modifyDelete' },
      { path: 'staged', kind: 'content' },
    ],
  });
  expect((await matrix(rig, true)).pairs).toEqual(found.pairs);
  expect(readdirSync(join(rig.place.home, 'trials'))).toEqual([]);

  // A worktree that is gone has nothing that is not committed; one that cannot be read says so.
  rmSync(one.path, { recursive: true });
  writeFileSync(indexes[1] ?? '', 'no index');
  two.write('more', 'more');
  const broken = await matrix(rig, true);
  expect(broken.plans).toEqual([{ name: 'two', branch: 'plan/two', base: 'main', uncommitted: null }]);
  expect((await rig.wtd('conflicts', '--uncommitted')).stdout).toContain('could not be read of: two');
});

test('two running plans that begin to collide are told of once, and again when they no longer do', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ text: base });
  const one = await rig.startSteered('one');
  const two = await rig.startSteered('two');
  const checkoutOf = (run: { cwd: string | null }) => rig.repository.at(run.cwd ?? '');
  checkoutOf(one.run).commit({ text: lines('one', '9') });
  checkoutOf(two.run).commit({ text: lines('two', '9'), more: '1' });
  const news = async () =>
    (await rig.call('event.list', { after: 0, types: ['conflict.found', 'conflict.resolved'], limit: 1000 })).events;
  await until(async () => (await news()).length > 0, 'the collision is told');
  checkoutOf(two.run).commit({ more: '2' });
  const show = (plan: string) => rig.call('plan.show', { plan, repository: 'shop' });
  const warning = 'collides with plan two in text; see `wtd conflicts`';
  expect(await show('one')).toMatchObject({ git: { conflictsWith: ['two'] }, warnings: [warning] });
  expect(await show('two')).toMatchObject({ git: { conflictsWith: ['one'] } });
  expect((await rig.wtd('status')).stdout).toContain(warning);
  // Asked for at once, so that what was committed meanwhile has been looked at.
  await matrix(rig);
  expect(await news()).toMatchObject([
    { type: 'conflict.found', plan: 'one', data: { with: 'two', severity: 'medium', files: [{ path: 'text' }] } },
  ]);

  const { stdout } = await rig.wtd('conflicts');
  expect(stdout).toContain('medium');
  expect(stdout).toContain('text (content)');
  expect(stdout).toContain('wtd merge-order');

  // The next daemon neither forgets it nor tells it again.
  await rig.daemon.terminate();
  await rig.startDaemon();
  await until(async () => (await show('one')).warnings.includes(warning), 'the next daemon knows it');
  expect(await news()).toHaveLength(1);

  checkoutOf(two.run).commit({ text: base });
  await until(async () => (await news()).length > 1, 'the end of the collision is told');
  expect((await news())[1]).toMatchObject({ type: 'conflict.resolved', plan: 'one', data: { with: 'two' } });
  expect(await show('one')).toMatchObject({ git: { conflictsWith: [] }, warnings: [] });
  await one.child.exit(0);
  await two.child.exit(0);
  await Promise.all([rig.wait('one'), rig.wait('two')]);
});

test('a daemon that comes up takes away what one that died had begun to try', async () => {
  await using rig = await Rig.setUp({ daemon: false });
  rig.place.makeDirectory('home/trials/objects-abc');
  await rig.startDaemon();
  expect(existsSync(join(rig.place.home, 'trials'))).toBe(false);
});
