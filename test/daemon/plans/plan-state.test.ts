import { expect, test } from 'vitest';
import { activeRunStates, endedRunStates, type RunState } from '../../../src/contract/models.ts';
import { planState } from '../../../src/daemon/plans/plan-state.ts';
import type { RunRow } from '../../../src/daemon/registry/rows.ts';

const latest = (state: RunState) => ({ state }) as RunRow;

test('a plan that never ran is idle, or completed when its branch was merged', () => {
  expect(planState(undefined, false)).toBe('idle');
  expect(planState(undefined, true)).toBe('completed');
});

test('a plan with an active run is in that state, merged or not', () => {
  for (const state of activeRunStates) {
    expect(planState(latest(state), false)).toBe(state);
    expect(planState(latest(state), true)).toBe(state);
  }
});

test('a plan whose last run ended is in the state of that end, or completed when it was merged', () => {
  for (const state of endedRunStates) {
    expect(planState(latest(state), false)).toBe(state);
    expect(planState(latest(state), true)).toBe('completed');
  }
});
