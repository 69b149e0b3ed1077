import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { listFiles, root } from './sources.ts';

const reachedTheEnd = 42;

/** Imports modules one after another in one process, which must then end by itself, silent and without listeners. */
const script = `
const before = new Set(process.eventNames());
for (const module of process.argv.slice(1)) await import(module);
const listeners = process.eventNames().filter((name) => !before.has(name));
if (listeners.length > 0) console.log('it listens to', ...listeners);
process.exitCode = ${reachedTheEnd};
setTimeout(() => {
  console.log('it goes on with', ...process.getActiveResourcesInfo());
  process.exit();
}, 1000).unref();
`;

async function importAll(paths: readonly string[]): Promise<string | undefined> {
  const modules = paths.map((path) => pathToFileURL(path).href);
  const { exitCode, all } = await execa(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script, ...modules],
    { cwd: root, all: true, reject: false, stdin: 'ignore' },
  );
  if (all !== '') return all;
  return exitCode === reachedTheEnd ? undefined : `it ends the process with ${exitCode ?? 'a signal'}`;
}

/** Looks at modules one by one only when all of them together start something. */
async function checkImports(paths: readonly string[]): Promise<string[]> {
  if ((await importAll(paths)) === undefined) return [];
  const sentences: string[] = [];
  for (const path of paths) {
    const effect = await importAll([path]);
    if (effect) sentences.push(`importing ${path} starts something: ${effect}; do it in a function that is called`);
  }
  return sentences;
}

test('importing a module starts nothing', { timeout: 300_000 }, async () => {
  const modules = listFiles('src/').filter((path) => path.endsWith('.ts') && path !== 'src/main.ts');
  expect(await checkImports(modules.map((path) => join(root, path)))).toEqual([]);
});

describe('the check itself', () => {
  test.each([
    ['a server', "import { createServer } from 'node:net'; createServer().listen(0);", 'TCPServerWrap'],
    ['output', "console.error('ready');", 'ready'],
    ['an exit', 'process.exit(0);', 'it ends the process with 0'],
    ['a throw', "throw new Error('no home');", 'no home'],
    ['a listener', "process.on('SIGHUP', () => {});", 'it listens to SIGHUP'],
  ])('finds %s', async (_what, text, effect) => {
    const directory = await mkdtemp(join(tmpdir(), 'wtd-import-'));
    const path = join(directory, 'offender.mjs');
    await writeFile(path, text);
    try {
      expect(await importAll([path])).toContain(effect);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
