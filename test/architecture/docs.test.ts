import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileTable } from '../../scripts/compile-table.ts';
import { table, type Table } from '../../src/cli/table.ts';
import { root } from './sources.ts';

let copy: string;
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'wtd-docs-'));
});
afterAll(() => rm(copy, { recursive: true }));

const listTracked = async (): Promise<string[]> => {
  const { stdout } = await execa('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    env: { GIT_OPTIONAL_LOCKS: '0' },
  });
  return stdout.split('\0').filter((path) => path !== '');
};

const read = (directory: string, path: string) => readFile(join(directory, path), 'utf8').catch(() => '(not there)');

test('npm run docs would change nothing', { timeout: 60_000 }, async () => {
  const tracked = await listTracked();
  for (const path of tracked) await cp(join(root, path), join(copy, path)).catch(ignoreMissing);
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  await execa('npm', ['run', 'docs'], { cwd: copy });
  const generated = await readdir(join(copy, 'docs'));
  const stale: string[] = [];
  for (const path of new Set([...tracked, ...generated.map((name) => `docs/${name}`)])) {
    if ((await read(root, path)) !== (await read(copy, path))) stale.push(path);
  }
  expect(stale, 'these differ from what is generated; run `npm run docs` and commit the result').toEqual([]);
});

test("the client's table is compiled from the contract as it is", () => {
  // The order depends on who loads the modules: Node sorts the names a module exports, vitest does not.
  const sorted = ({ methods, ...rest }: Table) => ({
    methods: methods.toSorted((a, b) => a.name.localeCompare(b.name)),
    ...rest,
  });
  const advice = 'run `npm run build` and commit src/contract/table.json';
  expect(sorted(table), advice).toEqual(sorted(compileTable()));
});

/** A file may be deleted and not yet committed. */
function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
