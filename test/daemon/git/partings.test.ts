import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changedFiles, parseChanges } from '../../../src/daemon/git/changed-files.ts';
import { findPartings } from '../../../src/daemon/git/partings.ts';
import { Git } from '../../../src/daemon/git/git.ts';

let directory: string;
const git = new Git(process.env);
const commits = 40;

const byHand = (args: string[], input = ''): string =>
  execFileSync('git', ['-C', directory, ...args], { input, encoding: 'utf8' }).trim();

/** Every commit has a file of its own name; some have two parents, and every tenth has none. */
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'wtd-partings-'));
  byHand(['init', '-q', '-b', 'main']);
  let stream = '';
  for (let at = 1; at <= commits; at++) {
    stream += `commit refs/heads/c${at}\nmark :${at}\ncommitter Ada <ada@example.org> ${at} +0000\ndata 1\nx\n`;
    if (at % 10 !== 1 && at > 1) stream += `from :${Math.max(1, at - 1 - ((at * 7) % 4))}\n`;
    if (at % 6 === 0) stream += `merge :${at - 3}\n`;
    stream += `M 100644 inline file-${at}\ndata 1\n${at % 10}\n\n`;
  }
  byHand(['fast-import', '--quiet'], stream);
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('every two commits part where git says that they do', async () => {
  const names = Array.from({ length: commits }, (_, at) => `c${at + 1}`);
  const ids = byHand(['rev-parse', ...names]).split('\n');
  const pairs = ids
    .flatMap((one, at) => ids.slice(at + 1).map((other) => [one, other] as const))
    .filter((_, at) => at % 11 === 0);
  const partings = await findPartings(git, directory, { pairs, env: {} });
  const roots = byHand(['rev-parse', ...names.map((name) => `${name}^{tree}`)]).split('\n');
  const trees = new Map(ids.map((id, at) => [id, roots[at]]));
  let unrelated = 0;
  for (const [at, [one, other]] of pairs.entries()) {
    expect(partings[at]).toMatchObject({ ours: trees.get(one), theirs: trees.get(other) });
    let bases: string[] = [];
    try {
      bases = byHand(['merge-base', '--all', one, other]).split('\n');
    } catch {
      unrelated += 1;
    }
    const base = partings[at]?.base ?? null;
    if (bases.length === 0) expect(base).toBeNull();
    else expect(bases.map((id) => trees.get(id))).toContain(base);
  }
  expect(unrelated).toBeGreaterThan(0);
  expect(unrelated).toBeLessThan(pairs.length);
});

test('differences are read in the order of the pairs, also where there are none', async () => {
  const [one = '', two = ''] = byHand(['rev-parse', 'c1^{tree}', 'c2^{tree}']).split('\n');
  const pairs = [
    [one, one],
    [one, two],
    [two, one],
  ] as const;
  expect(await changedFiles(git, directory, { pairs, env: {} })).toEqual([
    [],
    [{ from: null, to: 'file-2' }],
    [{ from: 'file-2', to: null }],
  ]);
  expect(await changedFiles(git, directory, { pairs: [], env: {} })).toEqual([]);
});

test('names may be anything', () => {
  const header = `${'a'.repeat(40)} ${'b'.repeat(40)}\n`;
  expect(parseChanges(`${header}M\0a\nb\0R087\0old\0M\0${header}D\0${'c'.repeat(40)}\0`)).toEqual([
    [
      { from: 'a\nb', to: 'a\nb' },
      { from: 'old', to: 'M' },
    ],
    [{ from: 'c'.repeat(40), to: null }],
  ]);
});
