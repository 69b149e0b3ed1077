import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { Registry } from '../../../src/daemon/registry/registry.ts';

test('a check proves that the registry can be written, and writes nothing', () => {
  const directory = mkdtempSync(join(tmpdir(), 'wtd-registry-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, 'wtd.db');
  using registry = new Registry({ file, runsDirectory: join(directory, 'runs'), clock: systemClock });
  const other = new SqliteDatabase(file);
  const read = () => [other.pragma('user_version'), other.pragma('data_version')];
  const before = read();
  registry.check();
  expect(read()).toEqual(before);

  other.exec('BEGIN IMMEDIATE');
  expect(() => {
    registry.check();
  }).toThrow('locked');
  other.exec('ROLLBACK');
  registry.check();
  other.close();
});
