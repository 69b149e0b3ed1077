import { describe, expect, test } from 'vitest';
import { parseRunRecord } from '../../../src/daemon/runs/run-record.ts';

const signalNames = new Map([
  [9, 'SIGKILL'],
  [15, 'SIGTERM'],
]);
const parse = (...lines: string[]) => parseRunRecord(lines.join('\n'), { signalNames, writtenAt: 42 });
const parent = { pid: 10, start: '1000' };
const child = { pid: 11, start: '1001' };

describe('the record of a run', () => {
  test('that is empty says that no parent came up', () => {
    expect(parse('')).toEqual({ kind: 'unclaimed' });
  });

  test('made by a daemon says that the start was cancelled, whatever was written later', () => {
    expect(parse('cancelled', '')).toEqual({ kind: 'cancelled' });
    expect(parse('cancelled', 'shim 10 1000', '')).toEqual({ kind: 'cancelled' });
  });

  test('says who carries the run out, first the parent, then the command', () => {
    expect(parse('shim 10 1000', '')).toEqual({ kind: 'claimed', parent, child: null });
    expect(parse('shim 10 1000', 'child 11 1001', '')).toEqual({ kind: 'claimed', parent, child });
  });

  test('knows no start time where the system tells none', () => {
    expect(parse('shim 10 ', 'child 11 ', '')).toEqual({
      kind: 'claimed',
      parent: { pid: 10, start: '' },
      child: { pid: 11, start: '' },
    });
  });

  test('says that the command could not be executed', () => {
    const failed = parse('shim 10 1000', 'child 11 1001', 'failed 127', 'exit 127', '');
    expect(failed).toEqual({ kind: 'unstartable', exitCode: 127, at: 42 });
  });

  test('tells the exit code, also one above 128 that is no signal', () => {
    const begun = ['shim 10 1000', 'child 11 1001'];
    const exited = { kind: 'exited', parent, child, signal: null, oomKills: 0, at: 42 };
    expect(parse(...begun, 'exit 0', '')).toEqual({ ...exited, exitCode: 0 });
    expect(parse(...begun, 'exit 143', '')).toEqual({ ...exited, exitCode: 143 });
    expect(parse(...begun, 'exit 127', '')).toEqual({ ...exited, exitCode: 127 });
  });

  test('tells the signal when the shell said so', () => {
    const begun = ['shim 10 1000', 'child 11 1001'];
    expect(parse(...begun, 'Terminated', 'exit 143', '')).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
    expect(parse(...begun, 'shim.sh: line 3: 11 Killed  /bin/sh', 'exit 137', '')).toMatchObject({ signal: 'SIGKILL' });
    expect(parse(...begun, 'Real-time signal 1', 'exit 163', '')).toMatchObject({ exitCode: 163, signal: null });
  });

  test('tells how many processes the kernel killed for want of memory', () => {
    const begun = ['shim 10 1000', 'child 11 1001'];
    expect(parse(...begun, 'Killed', 'oom 2', 'exit 137', '')).toMatchObject({ signal: 'SIGKILL', oomKills: 2 });
    expect(parse(...begun, 'oom 1', 'exit 3', '')).toMatchObject({ exitCode: 3, signal: null, oomKills: 1 });
  });

  test('cut in the middle of a line says only what is whole', () => {
    expect(parse('shim 10 1000', 'child 11 1001', 'exit ')).toMatchObject({ kind: 'claimed' });
    expect(parse('exit 0', '')).toEqual({ kind: 'unclaimed' });
  });
});
