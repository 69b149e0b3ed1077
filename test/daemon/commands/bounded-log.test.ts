import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { BoundedLog } from '../../../src/daemon/commands/bounded-log.ts';

function placeOfLog(): string {
  const directory = mkdtempSync(join(tmpdir(), 'wtd-log-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  return join(directory, 'a.log');
}

test('a log has what was written, for its user alone', async () => {
  const path = placeOfLog();
  {
    await using log = new BoundedLog(path);
    log.say('one');
    log.write(Buffer.from('two'));
  }
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a log that is too long keeps its beginning and its end', async () => {
  const path = placeOfLog();
  {
    await using log = new BoundedLog(path);
    log.say('the beginning');
    for (let number = 0; number < 300; number += 1) log.write(Buffer.alloc(100_000, 'x'));
    log.say('the end');
  }
  const text = readFileSync(path, 'latin1');
  expect(text.length).toBeLessThan(8_300_000);
  expect(text.startsWith('the beginning\n')).toBe(true);
  expect(text.endsWith('xxx' + 'the end\n')).toBe(true);
  const left = Number(/\[wtd: (?<bytes>\d+) bytes were left out here\]/.exec(text)?.groups?.['bytes']);
  const marker = `\n[wtd: ${left} bytes were left out here]\n`;
  expect(text.length - marker.length + left).toBe('the beginning\n'.length + 30_000_000 + 'the end\n'.length);
});

test('a log that cannot be written stops nobody', async () => {
  await using log = new BoundedLog('/proc/nothing/a.log');
  log.say('one');
});
