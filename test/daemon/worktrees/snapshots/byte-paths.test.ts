import { expect, test } from 'vitest';
import { fullPath, quoted, staysInside } from '../../../../src/daemon/worktrees/snapshots/byte-paths.ts';

test('a name stays the bytes that it is', () => {
  expect(fullPath('/w/ü', '\u00ff/a')).toEqual(
    Buffer.concat([Buffer.from('/w/ü/'), Buffer.from([0xff]), Buffer.from('/a')]),
  );
});

test('a name is quoted as git reads it from a line', () => {
  expect(quoted('plain name')).toBe('"plain name"');
  expect(quoted('a\n"b"\\\t')).toBe('"a\\012\\042b\\042\\134\\011"');
  expect(quoted('-\u00fc')).toBe('"-\u00fc"');
});

test('a name that leads elsewhere, or into what is git’s own, is told', () => {
  for (const name of ['a', 'a/b', '..a', '.gitignore', 'a/.git-x']) expect(staysInside(name), name).toBe(true);
  for (const name of ['', '/a', 'a//b', '..', 'a/../b', './a', '.git', '.git/config', 'a/.GIT/x', 'a/']) {
    expect(staysInside(name), name).toBe(false);
  }
});
