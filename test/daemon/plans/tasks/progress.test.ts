import { describe, expect, test } from 'vitest';
import type { TaskReport, TaskStatus } from '../../../../src/contract/models.ts';
import { parsePlanFile } from '../../../../src/daemon/plans/tasks/plan-file.ts';
import { percentOf, progressOf } from '../../../../src/daemon/plans/tasks/progress.ts';
import { judgeTasks } from '../../../../src/daemon/plans/tasks/tasks.ts';

const plan = `# Login

- [x] 0.1 Before any phase

## Phase 1: Begin
Some prose with - [ ] 9.9 in it.
- [x] 1.1 Write it
- [X] 1.2 Test it
  - [ ] 1.2.1 indented, so no task
- [ ] Without an id
* [ ] 1.3 Another bullet
- [ ] 1 One number
- [ ] 1.2.3.4 Four numbers
-  [ ] 1.4 Two spaces

## Phase 12: Later on
- [ ] 12.1.1 Ship it
### Phase 13: Too deep
- [ ] 12.2 Still in phase 12\r
`;

const report = (id: string, status: TaskStatus): TaskReport => ({ id, status, note: null });
const progressBy = (markdown: string, reported: TaskReport[] = []) =>
  progressOf(judgeTasks({ file: parsePlanFile(markdown), noted: [], reported }));

test('tasks are lines at column 0 with a checkbox and an id, counted by the phase above them', () => {
  expect(progressBy(plan)).toEqual({
    total: 5,
    completed: 3,
    inProgress: 0,
    failed: 0,
    skipped: 0,
    percent: 60,
    currentPhase: 'Later on',
    phases: [
      { number: 1, title: 'Begin', total: 2, completed: 2, inProgress: 0, failed: 0, skipped: 0, percent: 100 },
      { number: 12, title: 'Later on', total: 2, completed: 0, inProgress: 0, failed: 0, skipped: 0, percent: 0 },
    ],
  });
});

test('a file without tasks has no progress, and one that is done no current phase', () => {
  expect(progressBy('# Plan\n\n## Phase 1: Empty\n')).toBeNull();
  expect(progressBy('')).toBeNull();
  expect(progressBy('## Phase 1: Done\n- [x] 1.1 it\n')).toMatchObject({ percent: 100, currentPhase: null });
});

test('a phase without tasks is never the current one', () => {
  expect(progressBy('## Phase 1: Empty\n## Phase 2: Work\n- [ ] 2.1 it\n')).toMatchObject({ currentPhase: 'Work' });
});

test('every status is counted, and a phase of completed and skipped tasks is over', () => {
  const reported = [report('1.1', 'skipped'), report('12.1.1', 'failed'), report('12.2', 'in_progress')];
  expect(progressBy(plan, reported)).toMatchObject({
    total: 5,
    completed: 2,
    inProgress: 1,
    failed: 1,
    skipped: 1,
    currentPhase: 'Later on',
    phases: [
      { completed: 1, skipped: 1, percent: 100 },
      { inProgress: 1, failed: 1 },
    ],
  });
  expect(progressBy(plan, [report('1.2', 'failed')])).toMatchObject({ currentPhase: 'Begin' });
});

describe('percent', () => {
  test('is rounded to a tenth', () => {
    const third = progressBy('- [x] 1.1 a\n- [ ] 1.2 b\n- [ ] 1.3 c\n');
    expect(third).toMatchObject({ percent: 33.3, phases: [] });
  });

  test('is of those that are not skipped', () => {
    expect(percentOf({ total: 4, completed: 1, skipped: 2 })).toBe(50);
    expect(percentOf({ total: 4, completed: 3, skipped: 1 })).toBe(100);
    expect(percentOf({ total: 2, completed: 0, skipped: 2 })).toBe(100);
  });

  test('of nothing is not known', () => {
    expect(percentOf({ total: 0, completed: 0, skipped: 0 })).toBeNull();
  });
});
