import { describe, expect, test } from 'vitest';
import type { TaskReport, TaskStatus } from '../../../../src/contract/models.ts';
import { parsePlanFile } from '../../../../src/daemon/plans/tasks/plan-file.ts';
import {
  allOf,
  findRepeatedIds,
  findWrongDependencies,
  isDone,
  judgeTasks,
} from '../../../../src/daemon/plans/tasks/tasks.ts';

const say = (id: string, status: TaskStatus, note: string | null = null): TaskReport => ({ id, status, note });
const file = parsePlanFile('## Phase 1: Begin\n- [x] 1.1 Write it\n- [ ] 1.2 Test it\n');
const judged = (noted: TaskReport[], reported: TaskReport[] = []) =>
  Object.fromEntries(
    allOf(judgeTasks({ file, noted, reported })).map(({ id, status, source, note }) => [id, [status, source, note]]),
  );

describe('of a task', () => {
  test('the checkbox tells when nobody else does', () => {
    expect(judged([])).toEqual({ 1.1: ['completed', 'checkbox', null], 1.2: ['pending', 'checkbox', null] });
  });

  test('status.json tells before the checkbox, and a report before both', () => {
    const noted = [say('1.1', 'failed', 'broken'), say('1.2', 'in_progress')];
    expect(judged(noted)).toEqual({ 1.1: ['failed', 'status', 'broken'], 1.2: ['in_progress', 'status', null] });
    expect(judged(noted, [say('1.1', 'pending', 'anew')])).toEqual({
      1.1: ['pending', 'reported', 'anew'],
      1.2: ['in_progress', 'status', null],
    });
  });

  test('a pending in status.json is no word against a box that is ticked', () => {
    expect(judged([say('1.1', 'pending'), say('1.2', 'pending', 'later')])).toEqual({
      1.1: ['completed', 'checkbox', null],
      1.2: ['pending', 'status', 'later'],
    });
  });

  test('the last of several words counts', () => {
    expect(judged([say('1.2', 'failed'), say('1.2', 'completed')])).toMatchObject({
      1.2: ['completed', 'status', null],
    });
    expect(judged([], [say('1.2', 'failed'), say('1.2', 'skipped')])).toMatchObject({
      1.2: ['skipped', 'reported', null],
    });
  });

  test('that the plan file does not have nothing is known', () => {
    expect(Object.keys(judged([say('9.9', 'completed')], [say('8.8', 'completed')]))).toEqual(['1.1', '1.2']);
  });

  test('the id may be the name of something else', () => {
    const strange = [say('constructor', 'completed'), say('__proto__', 'completed')];
    expect(judged(strange)).toEqual(judged([]));
  });
});

test('without a plan file the tasks are those that somebody told of, in the order of their ids', () => {
  const tasks = judgeTasks({
    file: null,
    noted: [say('1.10', 'pending'), say('1.2', 'completed'), say('1', 'pending')],
    reported: [say('1.2.1', 'failed'), say('1.2', 'in_progress')],
  });
  expect(tasks.phases).toEqual([]);
  expect(allOf(tasks).map(({ id, status, text }) => [id, status, text])).toEqual([
    ['1', 'pending', null],
    ['1.2', 'in_progress', null],
    ['1.2.1', 'failed', null],
    ['1.10', 'pending', null],
  ]);
});

test('completed and skipped tasks are done, no others', () => {
  const all: TaskStatus[] = ['pending', 'in_progress', 'completed', 'failed', 'skipped'];
  expect(all.filter((status) => isDone({ status }))).toEqual(['completed', 'skipped']);
});

test('an id that several tasks have is told once', () => {
  const markdown = '- [ ] 1.1 Write it\n- [x] 1.2 Test it\n- [ ] 1.2 Again\n- [ ] 1.2 And again\n';
  const tasks = allOf(judgeTasks({ file: parsePlanFile(markdown), noted: [], reported: [] }));
  expect(findRepeatedIds(tasks)).toEqual(['several tasks are called 1.2, so what is said of it is said of each']);
});

describe('dependencies', () => {
  const wrongIn = (markdown: string) =>
    findWrongDependencies(allOf(judgeTasks({ file: parsePlanFile(markdown), noted: [], reported: [] })));
  const task = (id: string, ...depends: string[]) => `- [ ] ${id} Do it (depends: ${depends.join(', ')})\n`;

  test('of tasks that are there, in whatever order, are right', () => {
    expect(wrongIn(task('1.1', '1.2') + task('1.2') + task('1.3', '1.1', '1.2'))).toEqual([]);
  });

  test('of tasks that are not there are told', () => {
    expect(wrongIn(task('1.1', '9.9', 'it'))).toEqual([
      'task 1.1 depends on 9.9, which is no task of this plan',
      'task 1.1 depends on it, which is no task of this plan',
    ]);
  });

  test('in a circle are told, without those that only lead there or come from there', () => {
    const before = task('1.1') + task('1.5', '1.3');
    expect(wrongIn(before + task('1.2', '1.1', '1.4') + task('1.3', '1.2') + task('1.4', '1.3'))).toEqual([
      'tasks 1.2, 1.3, 1.4 depend on each other in a circle',
    ]);
    expect(wrongIn(task('1.1', '1.1'))).toEqual(['task 1.1 depends on itself']);
  });

  test('of very many tasks can be looked at', () => {
    const many = Array.from({ length: 20_000 }, (_, place) => task(`1.${place + 1}`, `1.${place}`)).join('');
    expect(wrongIn(many + task('1.0', '1.20000'))).toHaveLength(1);
  });
});
