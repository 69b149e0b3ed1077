import { describe, expect, test } from 'vitest';
import { formatDuration, milliseconds, parseDuration } from '../../src/base/duration.ts';

describe('a duration', () => {
  test.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['14d', 1_209_600_000],
    ['2w', 1_209_600_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['1500', 1500],
    ['0', 0],
    ['1 h', 3_600_000],
  ])('%s is understood', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
    expect(milliseconds(text)).toBe(expected);
  });

  test.each([
    '',
    ' ',
    '-1s',
    '+1s',
    '1y',
    '1h30m',
    'h',
    '1e3',
    '.5s',
    '5 minutes',
    '30S',
    '1\n',
    '１s',
    `${'9'.repeat(400)}d`,
  ])('%j is not understood', (text) => {
    expect(parseDuration(text)).toBeUndefined();
    expect(() => milliseconds(text)).toThrow('not a duration');
  });

  test('is short for people', () => {
    const said = [0, 999, 1000, 59_999, 60_000, 3_599_000, 7_200_000, 200_000_000].map(formatDuration);
    expect(said).toEqual(['0s', '0s', '1s', '59s', '1m', '60m', '2h', '2d']);
  });
});
