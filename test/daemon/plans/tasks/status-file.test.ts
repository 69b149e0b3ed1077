import { describe, expect, test } from 'vitest';
import { formatStatusFile, parseStatusFile } from '../../../../src/daemon/plans/tasks/status-file.ts';

const form = 'it is not JSON of the form { "tasks": [ { "id", "status" } ] }';

test('what is written is read again', () => {
  const tasks = [
    { id: '1.1', status: 'completed' as const, note: null },
    { id: '1.2.3', status: 'failed' as const, note: 'it\nbroke' },
  ];
  expect(parseStatusFile(formatStatusFile(tasks))).toEqual({ noted: tasks, wrong: null });
  expect(JSON.parse(formatStatusFile(tasks))).toEqual({
    tasks: [
      { id: '1.1', status: 'completed' },
      { id: '1.2.3', status: 'failed', note: 'it\nbroke' },
    ],
  });
  expect(parseStatusFile(formatStatusFile([]))).toEqual({ noted: [], wrong: null });
  expect(parseStatusFile(`\uFEFF${formatStatusFile(tasks)}`)).toEqual({ noted: tasks, wrong: null });
});

test.each([
  ['nothing', ''],
  ['half a file', '{ "tasks": ['],
  ['no object', 'null'],
  ['a list', '[]'],
  ['other content', '{ "plan": "login" }'],
  ['tasks that are no list', '{ "tasks": { "1.1": "completed" } }'],
  ['very deep nesting', '['.repeat(100_000)],
])('%s is told, and nothing of it counts', (_, text) => {
  expect(parseStatusFile(text)).toEqual({ noted: [], wrong: form });
});

describe('a task that is not as it should be', () => {
  const read = (...tasks: unknown[]) => parseStatusFile(JSON.stringify({ tasks }));
  const good = { id: '1.1', status: 'completed' };

  test('does not keep the others from counting', () => {
    const { noted, wrong } = read({ id: '1.2', status: 'done' }, good, null);
    expect(noted).toEqual([{ ...good, note: null }]);
    expect(wrong).toMatch(/^tasks\[0\]: status .*\(and 1 more\)$/);
  });

  test.each([
    [{ id: '1', status: 'completed' }],
    [{ id: '1.1.1.1', status: 'completed' }],
    [{ id: 1.1, status: 'completed' }],
    [{ id: '1.1\n', status: 'completed' }],
    [{ id: '1.1' }],
    [{ ...good, note: 5 }],
    [{ ...good, note: 'x'.repeat(4097) }],
    ['1.1'],
  ])('is %j', (task) => {
    expect(read(task)).toEqual({ noted: [], wrong: expect.stringContaining('tasks[0]: ') as string });
  });

  test('may have more members than anybody asked for', () => {
    expect(read({ ...good, by: 'me', note: null })).toEqual({ noted: [{ ...good, note: null }], wrong: null });
  });
});
