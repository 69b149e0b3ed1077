import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { LogFile } from '../../src/daemon/log-file.ts';
import { mountInMemory } from '../rig/mounted.ts';

function setUp(limits = { maxBytes: 100, keep: 2 }) {
  const directory = mkdtempSync(join(tmpdir(), 'wtd-log-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const logs = join(directory, 'logs');
  mkdirSync(logs);
  const path = join(logs, 'daemon.log');
  const open = () => new LogFile({ path, limits: () => limits, lostLine: (count) => `${count} lost\n` });
  const read = (suffix = '') => readFileSync(`${path}${suffix}`, 'utf8');
  return { directory, logs, path, limits, open, read };
}

test('a full file is put aside, the oldest goes, and each is for its user alone', () => {
  const { logs, open, read, path } = setUp({ maxBytes: 10, keep: 2 });
  const file = open();
  for (const line of ['one\n', 'two\n', 'three\n', 'four\n', 'five\n', 'six\n', 'a line that is too long\n', 'end\n']) {
    file.write(line);
  }
  expect(readdirSync(logs).sort()).toEqual(['daemon.log', 'daemon.log.1', 'daemon.log.2']);
  expect([read('.2'), read('.1'), read()]).toEqual(['six\n', 'a line that is too long\n', 'end\n']);
  for (const suffix of ['', '.1', '.2']) expect(statSync(`${path}${suffix}`).mode & 0o777).toBe(0o600);
});

test('no line is lost or torn while enough files are kept, also across restarts', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 30 }), anew: fc.boolean() }), { maxLength: 60 }),
      (steps) => {
        const { open, read, logs, directory } = setUp({ maxBytes: 40, keep: 1000 });
        let file = open();
        let written = '';
        for (const { bytes, anew } of steps) {
          if (anew) file = open();
          const line = `${'x'.repeat(bytes)}\n`;
          file.write(line);
          written += line;
        }
        const numbers = readdirSync(logs).map((name) => Number(name.slice('daemon.log.'.length)));
        const parts = numbers.sort((a, b) => (b || -1) - (a || -1)).map((number) => read(number ? `.${number}` : ''));
        expect(parts.join('')).toBe(written);
        expect(parts.filter((part) => part.length > 40)).toEqual([]);
        rmSync(directory, { recursive: true });
      },
    ),
    { numRuns: 50 },
  );
});

test('new limits hold from the next line on, and files that are no longer kept go', () => {
  const { logs, limits, open } = setUp({ maxBytes: 1, keep: 5 });
  const file = open();
  for (let count = 0; count < 9; count += 1) file.write('line\n');
  expect(readdirSync(logs)).toHaveLength(6);
  limits.keep = 1;
  file.write('line\n');
  expect(readdirSync(logs).sort()).toEqual(['daemon.log', 'daemon.log.1']);
  limits.maxBytes = 1000;
  file.write('line\n');
  expect(readdirSync(logs)).toHaveLength(2);
});

test('a file that others could read is closed to them, and a torn last line is ended', () => {
  const { path, open, read } = setUp();
  writeFileSync(path, 'torn');
  chmodSync(path, 0o644);
  open().write('whole\n');
  expect(read()).toBe('torn\nwhole\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a file or a directory that was taken away is made again', () => {
  const { directory, logs, path, open, read } = setUp();
  const file = open();
  file.write('one\n');
  renameSync(path, join(directory, 'aside'));
  file.write('two\n');
  expect(read()).toBe('two\n');
  rmSync(logs, { recursive: true });
  file.write('three\n');
  expect(read()).toBe('three\n');
  expect(statSync(logs).mode & 0o777).toBe(0o700);
});

test('lines wait for a disk that is full, and what finds no place to wait is counted', () => {
  const { path, open, read } = setUp({ maxBytes: 10_000_000, keep: 1 });
  const file = open();
  symlinkSync('/dev/full', path);
  file.write('one\n');
  file.write('two\n');
  rmSync(path);
  file.write('three\n');
  expect(read()).toBe('one\ntwo\nthree\n');

  rmSync(path);
  symlinkSync('/dev/full', path);
  const line = `${'x'.repeat(99_999)}\n`;
  for (let count = 0; count < 15; count += 1) file.write(line);
  rmSync(path);
  file.write('back\n');
  expect(read()).toBe(`${line.repeat(10)}5 lost\nback\n`);
  expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
});

test('a directory that is gone whole, or cannot be made, throws nothing', () => {
  const { directory, open } = setUp();
  const file = open();
  rmSync(directory, { recursive: true });
  file.write('one\n');
  expect(existsSync(directory)).toBe(false);
  writeFileSync(directory, '');
  file.write('two\n');
  rmSync(directory);
  mkdirSync(directory);
  file.write('three\n');
  expect(readFileSync(join(directory, 'logs', 'daemon.log'), 'utf8')).toBe('one\ntwo\nthree\n');
});

test('a line that a full disk took in part is whole when there is space again', (context) => {
  const { logs, open, read } = setUp({ maxBytes: 10_000_000, keep: 1 });
  mountInMemory(context, logs, { type: 'tmpfs', options: 'size=64k' });
  const file = open();
  const ballast = join(logs, 'ballast');
  writeFileSync(ballast, Buffer.alloc(32_768));
  const line = `${'x'.repeat(9_999)}\n`;
  for (let count = 0; count < 5; count += 1) file.write(line);
  expect(read().length % line.length).toBeGreaterThan(0); // it was taken in part
  rmSync(ballast);
  file.write('back\n');
  expect(read()).toBe(`${line.repeat(5)}back\n`);
});
