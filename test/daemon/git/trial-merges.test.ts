import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Git } from '../../../src/daemon/git/git.ts';
import { TrialObjects, tryMerges } from '../../../src/daemon/git/trial-merges.ts';

let directory: string;
const git = new Git(process.env);

const byHand = (...args: string[]): string =>
  execFileSync('git', ['-C', directory, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
    encoding: 'utf8',
  }).trim();

function branch(name: string, write: () => void): void {
  byHand('checkout', '-q', '-b', name, 'main');
  write();
  byHand('add', '-A');
  byHand('commit', '-q', '-m', name);
}

const write = (name: string, content: string) => {
  writeFileSync(join(directory, name), content);
};

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'wtd-trial "quoted": '));
  byHand('init', '-q', '-b', 'main');
  for (const name of ['both', 'gone', 'moved', 'picture', 'odd\nname']) write(name, `${name}\n1\n2\n3\n4\n`);
  write('picture', '\0\x01');
  byHand('add', '-A');
  byHand('commit', '-q', '-m', 'base');
  branch('one', () => {
    write('both', 'one');
    write('picture', '\0\x02');
    write('odd\nname', 'one');
    write('new', 'one');
    byHand('rm', '-q', 'gone');
    byHand('mv', 'moved', 'moved-one');
  });
  branch('other', () => {
    write('both', 'other');
    write('picture', '\0\x03');
    write('odd\nname', 'other');
    write('new', 'other');
    write('gone', 'changed');
    byHand('mv', 'moved', 'moved-other');
  });
  branch('apart', () => {
    write('apart', 'apart');
  });
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('merges say which files conflict and why, in the order of the pairs', async () => {
  await using objects = await TrialObjects.open(join(directory, 'trials'), join(directory, '.git'));
  const pairs = [
    ['one', 'apart'],
    ['one', 'other'],
    ['main', 'other'],
  ] as const;
  const [clean, conflicting, ahead] = await tryMerges(git, join(directory, '.git'), { pairs, objects });
  expect(clean).toMatchObject({ isClean: true, conflicts: [] });
  expect(ahead).toEqual({ isClean: true, tree: byHand('rev-parse', 'other^{tree}'), conflicts: [] });
  expect(conflicting?.isClean).toBe(false);
  expect(conflicting?.conflicts).toEqual([
    { path: 'both', kind: 'content' },
    { path: 'gone', kind: 'modifyDelete' },
    { path: 'moved', kind: 'rename' },
    { path: 'moved-one', kind: 'rename' },
    { path: 'moved-other', kind: 'rename' },
    { path: 'new', kind: 'addAdd' },
    { path: 'odd\nname', kind: 'content' },
    { path: 'picture', kind: 'binary' },
  ]);
});

test('what a trial writes is not in the repository and is gone afterwards', async () => {
  const trials = join(directory, 'trials');
  let tree = '';
  {
    await using objects = await TrialObjects.open(trials, join(directory, '.git'));
    const [merge] = await tryMerges(git, join(directory, '.git'), { pairs: [['one', 'apart']], objects });
    tree = merge?.tree ?? '';
    expect(readdirSync(trials)).toHaveLength(1);
  }
  expect(() => byHand('cat-file', '-e', tree)).toThrow();
  expect(readdirSync(trials)).toEqual([]);
});

test('many pairs are answered as well', async () => {
  await using objects = await TrialObjects.open(join(directory, 'trials'), join(directory, '.git'));
  const pairs = Array.from({ length: 600 }, (_, index) => ['main', index % 2 ? 'one' : 'other'] as const);
  const merges = await tryMerges(git, join(directory, '.git'), { pairs, objects });
  expect(merges.map(({ tree }) => tree)).toEqual(pairs.map(([, theirs]) => treeOf(theirs)));
});

const trees = new Map<string, string>();
function treeOf(revision: string): string {
  const tree = trees.get(revision) ?? byHand('rev-parse', `${revision}^{tree}`);
  trees.set(revision, tree);
  return tree;
}

test('files are merged as the attributes of the commit say that something is merged into', async () => {
  byHand('checkout', '-q', '-b', 'said', 'main');
  write('.gitattributes', 'both merge=union\nmoved -merge\n');
  byHand('add', '-A');
  byHand('commit', '-q', '-m', 'said');
  for (const [name, both, moved] of [
    ['here', 'both\n1\n2\n3\n4\nhere\n', 'here\n1\n2\n3\n4\n'],
    ['there', 'both\n1\n2\n3\n4\nthere\n', 'moved\n1\n2\n3\nthere\n'],
  ] as const) {
    byHand('checkout', '-q', '-b', name, 'said');
    write('both', both);
    write('moved', moved);
    byHand('commit', '-q', '-a', '-m', name);
  }
  byHand('checkout', '-q', '--orphan', 'silent', 'here');
  byHand('reset', '-q', '--hard', 'main');
  await using objects = await TrialObjects.open(join(directory, 'trials'), join(directory, '.git'));
  const pairs = [
    ['here', 'there'],
    ['silent', 'there'],
  ] as const;
  const [merge, beforeThat] = await tryMerges(git, join(directory, '.git'), { pairs, objects });
  expect(merge).toMatchObject({ isClean: false, conflicts: [{ path: 'moved', kind: 'binary' }] });
  const env = { ...process.env, ...objects.env };
  const show = ['-C', directory, 'show', `${merge?.tree ?? ''}:both`];
  expect(execFileSync('git', show, { encoding: 'utf8', env })).toBe('both\n1\n2\n3\n4\nhere\nthere\n');
  expect(beforeThat).toMatchObject({ isClean: true });
});
