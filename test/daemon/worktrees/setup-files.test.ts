import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matches } from '../../../src/daemon/worktrees/setup-files.ts';

describe('a pattern', () => {
  test.each([
    ['.env', '.env', true],
    ['.env', '.env.local', false],
    ['.env*', '.env', true],
    ['.env*', '.env.local', true],
    ['*.env.*', 'a.env.b', true],
    ['*.env.*', 'a.env', false],
    ['?', 'a', true],
    ['?', '', false],
    ['?', 'ab', false],
    ['*', 'anything', true],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZ', false],
    ['[a]', 'a', false],
    ['a.c', 'abc', false],
  ])('%s takes %s: %s', (pattern, name, isTaken) => {
    expect(matches(name, pattern)).toBe(isTaken);
  });

  test('takes what a regular expression of the same meaning takes', () => {
    const words = (...letters: string[]) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 8 });
    fc.assert(
      fc.property(words('a', 'b', '*', '?'), words('a', 'b'), (pattern, name) => {
        const expression = new RegExp(
          `^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`.replaceAll(/(\.\*)+/g, '.*'),
        );
        expect(matches(name, pattern)).toBe(expression.test(name));
      }),
    );
  });

  test('of many stars takes no time', () => {
    expect(matches('a'.repeat(255), `${'*a'.repeat(250)}*b`)).toBe(false);
  });
});
