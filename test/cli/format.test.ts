import { describe, expect, test } from 'vitest';
import {
  formatCommand,
  formatMegabytes,
  formatPath,
  formatPercent,
  formatPorts,
  formatSince,
  formatValue,
} from '../../src/cli/format.ts';
import { formatFailure } from '../../src/cli/failure.ts';
import { describeThing } from '../../src/cli/present.ts';
import { describeEnd, describeStart, exitCodeOfRun } from '../../src/cli/run-text.ts';
import { endedRun, plan, run } from './rig.ts';

const view = { cwd: '/home/dev/shop', nowMs: Date.parse('2026-01-01T01:00:00Z'), hasColour: false };

test.each([
  [formatMegabytes(null), '-'],
  [formatMegabytes(0.4), '0 MB'],
  [formatMegabytes(999), '999 MB'],
  [formatMegabytes(1500), '1.5 GB'],
  [formatMegabytes(80_400), '80 GB'],
  [formatPercent(null), '-'],
  [formatPercent(33.4), '33%'],
  [formatPorts(null), '-'],
  [formatSince(null, view), '-'],
  [formatSince('2026-01-01T00:00:00.000Z', view), '1h'],
  [formatSince('2027-01-01T00:00:00.000Z', view), '0s'],
  [formatPath(null, view), '-'],
  [formatPath('/home/dev/shop', view), '.'],
  [formatPath('/home/dev/shop/worktrees/a', view), 'worktrees/a'],
  [formatPath('/srv/x', view), '/srv/x'],
  [formatPath('/home/dev/shopping', view), '/home/dev/shopping'],
  [formatPath('/home/dev', view), '/home/dev'],
  [formatPath('/home/dev/shop', { ...view, cwd: '/' }), '/home/dev/shop'],
  [formatCommand([]), '-'],
  [formatCommand(['sh', '-c', "it's"]), `sh -c 'it'\\''s'`],
  [formatValue(null), '-'],
  [formatValue([]), '-'],
  [formatValue(['a', null]), 'a -'],
  [formatValue({ a: null }), '{"a":null}'],
  [formatValue(false), 'no'],
  [formatValue(0), '0'],
])('%j is %j', (text, expected) => {
  expect(text).toBe(expected);
});

test('any answer has a text', () => {
  expect(describeThing({ name: 'shop', channels: [], counts: { plans: 2 }, at: null })).toBe(
    'name      shop\nchannels  -\ncounts\n  plans  2\nat        -\n',
  );
});

describe('a run ends as its command did', () => {
  test.each([
    [endedRun(), 0],
    [endedRun({ state: 'failed', exitCode: 3 }), 3],
    [endedRun({ state: 'failed', reason: 'signal', exitCode: null, signal: 'SIGKILL' }), 137],
    [endedRun({ state: 'stopped', exitCode: null, signal: 'SIGTERM' }), 143],
    [endedRun({ state: 'stopped', exitCode: 0 }), 1],
    [endedRun({ state: 'lost', reason: null, exitCode: null }), 1],
    [endedRun({ state: 'failed', reason: 'spawn', exitCode: 127 }), 12],
  ])('%#: %o', (ended, exitCode) => {
    expect(exitCodeOfRun(ended)).toBe(exitCode);
  });
});

test('a start tells where the plan runs and how to follow it', () => {
  expect(describeStart(run(), plan(), view)).toBe(
    'login running, pid 4321, ports 8100-8109, in worktrees/plan-login\nfollow it with: wtd logs -f login\n',
  );
  expect(describeStart(run({ state: 'queued', queuePosition: 2, pid: null }), plan(), view)).toBe(
    'login queued, position 2; it starts by itself when there is a place\nfollow it with: wtd logs -f login\n',
  );
});

test('an end tells why', () => {
  expect(describeEnd(endedRun(), view)).toBe('login succeeded after 1m\n');
  expect(describeEnd(endedRun({ state: 'failed', exitCode: 3 }), view)).toBe(
    'login failed (exit code 3) after 1m; see: wtd logs login\n',
  );
  expect(describeEnd(endedRun({ state: 'failed', reason: 'memory', exitCode: null }), view)).toContain('(memory)');
  expect(describeEnd(endedRun({ state: 'failed', reason: 'spawn', durationMs: null }), view)).toBe(
    'login failed (its command could not be started: claude)\n',
  );
});

test('what a refusal quotes cannot steer the terminal', () => {
  const data = { code: 'UNTRUSTED', hint: 'read\tthem' } as const;
  const text = formatFailure({ code: 1014, message: 'asks to run evil\u001b[2K\rnpm ci\u009b2K\nand more', data });
  expect(text).toBe('wtd: asks to run evil [2K npm ci 2K\nand more\n  read\tthem\n');
});
