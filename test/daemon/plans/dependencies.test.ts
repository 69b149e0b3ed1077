import { expect, test } from 'vitest';
import { findCircle } from '../../../src/daemon/plans/dependencies.ts';

const plan = (name: string, ...dependsOn: string[]) => ({ name, dependsOn });

test('a circle is told from the plan round to itself', () => {
  expect(findCircle(plan('a', 'a'), [])).toEqual(['a', 'a']);
  expect(findCircle(plan('a', 'b'), [plan('b', 'c'), plan('c', 'x', 'a')])).toEqual(['a', 'b', 'c', 'a']);
});

test('what others wait for, what is unknown, and circles elsewhere are none of its own', () => {
  expect(findCircle(plan('a', 'b', 'c'), [plan('b', 'd'), plan('c', 'd'), plan('d', 'nobody')])).toBeUndefined();
  expect(findCircle(plan('a', 'b'), [plan('b', 'c'), plan('c', 'b')])).toBeUndefined();
});

test('what is written down of the plan itself is replaced', () => {
  expect(findCircle(plan('a'), [plan('a', 'b'), plan('b', 'a')])).toBeUndefined();
});

test('a long chain is followed in time', () => {
  const chain = Array.from({ length: 1000 }, (_, at) => plan(`p${at}`, `p${at + 1}`, `p${at + 2}`));
  expect(findCircle(plan('p1001', 'p0'), chain)).toEqual(expect.arrayContaining(['p0', 'p999']) as string[]);
});
