import { describe, expect, test } from 'vitest';
import { checkSizes } from './sizes.ts';
import { parseSource, readSources } from './sources.ts';

test('files, functions and parameters stay small', () => {
  expect(checkSizes(readSources('src/'))).toEqual([]);
});

describe('the check itself', () => {
  const check = (text: string) => checkSizes([parseSource('src/a.ts', text)]);

  test('measures files', () => {
    expect(check('//\n'.repeat(300))).toEqual([]);
    expect(check('//\n'.repeat(301))).toEqual([expect.stringContaining('src/a.ts has 301 lines')]);
  });

  test.each(['function f() {', 'const f = () => {', 'class A { f() {', 'const a = { f() {', 'class A { get f() {'])(
    'measures %s',
    (opening) => {
      const closing = '}'.repeat(opening.split('{').length - 1);
      const ofLines = (lines: number) => check(`${opening}${'\n'.repeat(lines - 1)}${closing}`);
      expect(ofLines(60)).toEqual([]);
      expect(ofLines(61)).toEqual([expect.stringContaining('src/a.ts:1 is a function of 61 lines')]);
    },
  );

  test.each([
    'function f(a, b, c, d) {}',
    'const f = (a, b, c, ...d) => 0;',
    'class A { constructor(a, b, c, d) {} }',
    'interface A { f(a: 1, b: 2, c: 3, d: 4): void }',
    'type F = (a: 1, b: 2, c: 3, d: 4) => void;',
  ])('counts the parameters of %s', (text) => {
    expect(check(text)).toEqual(['src/a.ts:1 takes 4 parameters, over 3; take an object']);
  });
});
