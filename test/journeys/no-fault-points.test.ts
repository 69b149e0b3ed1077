import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { faultPoints } from '../../src/base/fault-point.ts';

test('the program that users get has no fault point in it', () => {
  const build = fileURLToPath(new URL('../../dist', import.meta.url));
  const faulty = readFileSync(join(build, '../dist-faults/daemon.mjs'), 'utf8');
  expect(faultPoints.filter((point) => !faulty.includes(point))).toEqual([]);
  for (const name of readdirSync(build)) {
    const text = readFileSync(join(build, name), 'latin1');
    const found = [...faultPoints, 'faultPoint', 'WTD_FAULT', 'WTD_CLOCK'].filter((word) => text.includes(word));
    expect(found, name).toEqual([]);
  }
});
