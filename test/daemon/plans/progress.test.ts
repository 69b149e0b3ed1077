import { expect, test } from 'vitest';
import { parsePlanFile } from '../../../src/daemon/plans/plan-file.ts';
import { progressOf } from '../../../src/daemon/plans/progress.ts';

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

test('tasks are lines at column 0 with a checkbox and an id, counted by the phase above them', () => {
  expect(progressOf(parsePlanFile(plan))).toEqual({
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
  expect(progressOf(parsePlanFile('# Plan\n\n## Phase 1: Empty\n'))).toBeNull();
  expect(progressOf(parsePlanFile(''))).toBeNull();
  expect(progressOf(parsePlanFile('## Phase 1: Done\n- [x] 1.1 it\n'))).toMatchObject({
    percent: 100,
    currentPhase: null,
  });
});

test('percent is rounded to a tenth', () => {
  const third = progressOf(parsePlanFile('- [x] 1.1 a\n- [ ] 1.2 b\n- [ ] 1.3 c\n'));
  expect(third).toMatchObject({ percent: 33.3, phases: [] });
});
