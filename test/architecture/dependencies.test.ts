import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './sources.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

test('every dependency has its reason in CONTRIBUTING, and no line speaks of one that is gone', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const [, section = ''] = read('CONTRIBUTING.md').split('\n## Dependencies\n');
  const explained = [...section.matchAll(/^\| `(?<name>[^`]+)` +\| \S.*\|$/gm)].map(({ groups }) => groups?.['name']);
  expect(explained.sort()).toEqual(Object.keys({ ...dependencies, ...devDependencies }).sort());
});
