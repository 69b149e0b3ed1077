import { expect, test } from 'vitest';
import { activeRunStates, endedRunStates, type RunState } from '../../../src/contract/models.ts';
import { planState } from '../../../src/daemon/plans/plan-state.ts';
import type { RunRow } from '../../../src/daemon/registry/rows.ts';

const latest = (state: RunState) => ({ state }) as RunRow;

test('a plan that never ran is idle, or completed when its branch was merged', () => {
  expect(planState(undefined, { isMerged: false, outcome: null })).toBe('idle');
  expect(planState(undefined, { isMerged: true, outcome: null })).toBe('completed');
});

test('a plan with an active run is in that state, merged or not', () => {
  for (const state of activeRunStates) {
    expect(planState(latest(state), { isMerged: false, outcome: null })).toBe(state);
    expect(planState(latest(state), { isMerged: true, outcome: null })).toBe(state);
  }
});

test('a plan whose last run ended is in the state of that end, or completed when it was merged', () => {
  for (const state of endedRunStates) {
    expect(planState(latest(state), { isMerged: false, outcome: null })).toBe(state);
    expect(planState(latest(state), { isMerged: true, outcome: null })).toBe('completed');
  }
});

test('a plan that was abandoned says so, unless it runs again', () => {
  const outcome = { kind: 'abandoned' as const, tip: null, archive: null, snapshot: null, at: 0 };
  expect(planState(latest('failed'), { isMerged: false, outcome })).toBe('abandoned');
  expect(planState(latest('running'), { isMerged: false, outcome })).toBe('running');
});
