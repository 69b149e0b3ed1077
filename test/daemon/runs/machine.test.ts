import { describe, expect, test } from 'vitest';
import { activeRunStates, endedRunStates, type RunState } from '../../../src/contract/models.ts';
import {
  blamedOn,
  endingOf,
  isActive,
  mayBecome,
  unstartableEnding,
  vanishedEnding,
} from '../../../src/daemon/runs/machine.ts';

const states: RunState[] = [...activeRunStates, ...endedRunStates];
const nextOf = (from: RunState) => states.filter((to) => mayBecome(from, to));

test('a run moves only along the diagram', () => {
  expect(Object.fromEntries(states.map((state) => [state, nextOf(state)]))).toEqual({
    queued: ['starting', 'failed', 'stopped'],
    starting: ['queued', 'running', 'stopping', 'failed', 'stopped', 'lost'],
    running: ['paused', 'stopping', 'succeeded', 'failed', 'lost'],
    paused: ['running', 'stopping', 'succeeded', 'failed', 'lost'],
    stopping: ['failed', 'stopped', 'lost'],
    succeeded: [],
    failed: [],
    stopped: [],
    lost: [],
  });
});

test('the active states are those that the contract calls active', () => {
  expect(states.filter(isActive)).toEqual([...activeRunStates]);
});

describe('a command', () => {
  test('that exits succeeded with 0 and failed with anything else', () => {
    expect(endingOf({ exitCode: 0, signal: null }, false)).toEqual({
      state: 'succeeded',
      reason: null,
      exitCode: 0,
      signal: null,
    });
    for (const exitCode of [1, 127, 143, 255]) {
      expect(endingOf({ exitCode, signal: null }, false)).toEqual({
        state: 'failed',
        reason: 'exit',
        exitCode,
        signal: null,
      });
    }
  });

  test('that a signal ended has no exit code', () => {
    expect(endingOf({ exitCode: 137, signal: 'SIGKILL' }, false)).toEqual({
      state: 'failed',
      reason: 'signal',
      exitCode: null,
      signal: 'SIGKILL',
    });
  });

  test('that failed because the kernel killed for want of memory says so', () => {
    const memory = { state: 'failed', reason: 'memory' };
    expect(endingOf({ exitCode: 137, signal: 'SIGKILL', oomKills: 1 }, false)).toMatchObject({
      ...memory,
      signal: 'SIGKILL',
    });
    expect(endingOf({ exitCode: 2, signal: null, oomKills: 3 }, false)).toMatchObject({ ...memory, exitCode: 2 });
    expect(endingOf({ exitCode: 0, signal: null, oomKills: 1 }, false)).toMatchObject({ state: 'succeeded' });
    expect(endingOf({ exitCode: 137, signal: 'SIGKILL', oomKills: 1 }, true)).toMatchObject({ state: 'stopped' });
  });

  test('that somebody stopped is stopped, however it ended', () => {
    expect(endingOf({ exitCode: 0, signal: null }, true)).toMatchObject({ state: 'stopped', exitCode: 0 });
    expect(endingOf({ exitCode: 3, signal: null }, true)).toMatchObject({
      state: 'stopped',
      reason: null,
      exitCode: 3,
    });
    expect(endingOf({ exitCode: 143, signal: 'SIGTERM' }, true)).toMatchObject({
      state: 'stopped',
      exitCode: null,
      signal: 'SIGTERM',
    });
  });

  test('that wtd itself stopped because of a limit failed, for that reason', () => {
    const stopped = endingOf({ exitCode: 143, signal: 'SIGTERM' }, true);
    expect(blamedOn('memory', stopped)).toEqual({ ...stopped, state: 'failed', reason: 'memory' });
    expect(blamedOn(null, stopped)).toEqual(stopped);
    const vanished = vanishedEnding('reboot', true);
    expect(blamedOn('memory', vanished)).toEqual(vanished);
    const exited = endingOf({ exitCode: 3, signal: null }, false);
    expect(blamedOn('memory', exited)).toEqual(exited);
  });

  test('that could not be executed failed by its spawn', () => {
    expect(unstartableEnding(127)).toEqual({ state: 'failed', reason: 'spawn', exitCode: 127, signal: null });
    expect(unstartableEnding(null)).toMatchObject({ state: 'failed', exitCode: null });
  });

  test('that vanished without a record is lost, unless somebody had it killed in this boot', () => {
    expect(vanishedEnding('killed', false)).toMatchObject({ state: 'lost', reason: 'killed', exitCode: null });
    expect(vanishedEnding('reboot', false)).toMatchObject({ state: 'lost', reason: 'reboot' });
    expect(vanishedEnding('reboot', true)).toMatchObject({ state: 'lost', reason: 'reboot' });
    expect(vanishedEnding('killed', true)).toMatchObject({ state: 'stopped', reason: null });
  });
});
