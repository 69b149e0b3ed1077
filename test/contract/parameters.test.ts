import fc from 'fast-check';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { command, environment, isBranch, name, revision } from '../../src/contract/parameters.ts';

const isName = (text: string) => name.safeParse(text).success;

describe('a name', () => {
  test('that is accepted is one part of a path, and git takes a branch of it', () => {
    const letters = fc.constantFrom(...Array.from('aZ09._-/~^:?*[\\@{} \n\0é'));
    fc.assert(
      fc.property(fc.string({ unit: letters, minLength: 1, maxLength: 12 }), (text) => {
        if (!isName(text)) return;
        expect(text).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
        expect(text).not.toMatch(/\.\.|\.$|\.lock$/);
      }),
      { numRuns: 2000 },
    );
    for (const text of ['a', '0', 'A.b_c-d', 'x.locked', 'a'.repeat(64)]) {
      expect(isName(text), text).toBe(true);
      expect(execFileSync('git', ['check-ref-format', '--branch', `plan/${text}`], { encoding: 'utf8' })).toContain(
        text,
      );
    }
  });

  test.each(['', '.', '..', '.a', '-a', '_a', 'a/b', 'a..b', 'a.', 'a.lock', 'a b', 'a\n', 'a\0', 'ä', 'a'.repeat(65)])(
    '%j is refused',
    (text) => {
      expect(isName(text)).toBe(false);
    },
  );
});

test('a revision is never an option and never holds NUL', () => {
  for (const text of ['main', 'v1.0', 'HEAD~2', 'origin/main', ':/fix', '@{-1}', 'feature/-x']) {
    expect(revision.safeParse(text).success, text).toBe(true);
  }
  for (const text of ['', '-x', '--all', 'a\0', 'a'.repeat(1025)]) expect(revision.safeParse(text).success).toBe(false);
});

test('a command names a program, and no word holds NUL', () => {
  expect(command.safeParse(['sh', '-c', '']).success).toBe(true);
  for (const words of [[], [''], ['a\0'], ['a', 'b\0'], 'sh', [1]])
    expect(command.safeParse(words).success).toBe(false);
});

test('the name of a variable is not empty and holds neither "=" nor NUL', () => {
  expect(environment.safeParse({ A: '', 'a b': 'x=y', ü: '\n' }).success).toBe(true);
  for (const wrong of [{ '': 'x' }, { 'A=': 'x' }, { 'A\0': 'x' }, { A: 'x\0' }, { A: null }, ['A=x']]) {
    expect(environment.safeParse(wrong).success).toBe(false);
  }
});

test('a branch is what git takes as the name of one, and nothing else', () => {
  const letters = fc.constantFrom(...Array.from('aZ0-._/~^:?*[\\@{} \n\x7fé\u0085'), '..', '@{', '.lock', 'HEAD');
  const git = (text: string) => spawnSync('git', ['check-ref-format', '--branch', text], { encoding: 'utf8' });
  fc.assert(
    fc.property(fc.string({ unit: letters, minLength: 1, maxLength: 6 }), (text) => {
      const { status, stdout } = git(text);
      // `@` is HEAD everywhere else, and wtd takes no control character at all.
      const isTaken = status === 0 && stdout === `${text}\n` && !/^@$|\p{Cc}/u.test(text);
      expect(isBranch(text), JSON.stringify(text)).toBe(isTaken);
    }),
    { numRuns: 300 },
  );
  expect(isBranch('half a \ud800'.replaceAll(' ', '-')), 'git would be given another name').toBe(false);
});
