import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePlanFile } from '../../../../src/daemon/plans/tasks/plan-file.ts';

const taskOf = (text: string) => parsePlanFile(`- [ ] 1.3 ${text}\n`).loose[0];

test.each([
  ['Ship it (depends: 1.1, 1.2)', 'Ship it', ['1.1', '1.2']],
  ['Ship it (depends:1.1,1.2)', 'Ship it', ['1.1', '1.2']],
  ['Ship it  ( Depends : 1.1 1.2.3 ) ', 'Ship it', ['1.1', '1.2.3']],
  ['Ship it (depends: 1.1, 1.1)', 'Ship it', ['1.1']],
  ['Ship it (now) (depends: 1.1)', 'Ship it (now)', ['1.1']],
  ['Ship it (depends: whatever)', 'Ship it', ['whatever']],
  ['Ship it (depends: )', 'Ship it', []],
  ['(depends: 1.1)', '', ['1.1']],
])('the dependencies at the end of "%s" are no part of its text', (line, text, depends) => {
  expect(taskOf(line)).toMatchObject({ text, depends });
});

test.each([
  'Ship it (depends: 1.1) today',
  'Ship it (depends 1.1)',
  'Ship it depends: 1.1',
  'Ship it (see (depends: 1.1))',
  'Ship it (depends: 1.1',
])('"%s" has none', (line) => {
  expect(taskOf(line)).toMatchObject({ text: line, depends: [] });
});

test('what an editor puts before the first line is no part of it', () => {
  expect(parsePlanFile('\uFEFF## Phase 1: Begin\n- [ ] 1.1 Write it\n')).toEqual(
    parsePlanFile('## Phase 1: Begin\n- [ ] 1.1 Write it\n'),
  );
});

test('a long line is not searched again and again', () => {
  expect(taskOf(`${'( '.repeat(200_000)})`)?.depends).toEqual([]);
  expect(taskOf(`x${' '.repeat(400_000)})`)?.depends).toEqual([]);
});

test('whatever is in a file, it is read', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { loose, phases } = parsePlanFile(text);
      expect(Array.isArray(loose) && Array.isArray(phases)).toBe(true);
    }),
  );
});
