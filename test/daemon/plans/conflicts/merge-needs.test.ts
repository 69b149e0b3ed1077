import { expect, test } from 'vitest';
import { sortByNeeds, type Elsewhere } from '../../../../src/daemon/plans/conflicts/merge-needs.ts';

const plan = (name: string, dependsOn: string[] = [], standsOn?: string) => ({ name, dependsOn, standsOn });
const elsewhere = (states: Readonly<Record<string, Elsewhere>>) => (name: string) => states[name] ?? 'unknown';

test('a plan needs those that come home as well, and the one whose branch it stands on', () => {
  const plans = [plan('a', ['b', 'done'], 'c'), plan('b'), plan('c', ['c-base']), plan('c-base')];
  const { needs, obstacles } = sortByNeeds(plans, elsewhere({ done: 'merged' }));
  expect(Object.fromEntries(needs)).toEqual({ a: ['b', 'c'], b: [], c: ['c-base'], 'c-base': [] });
  expect(obstacles.size).toBe(0);
});

test('whoever depends on what is abandoned, idle or unknown stays, and so does whoever waits for that', () => {
  const plans = [plan('a', ['gone']), plan('b', ['a']), plan('c', ['b']), plan('d', ['idle']), plan('e', ['nobody'])];
  const { needs, obstacles } = sortByNeeds(plans, elsewhere({ gone: 'abandoned', idle: 'idle' }));
  expect(needs.size).toBe(0);
  expect(Object.fromEntries(obstacles)).toEqual({
    a: 'depends on gone, which is abandoned',
    b: 'waits for a, which cannot come home',
    c: 'waits for b, which cannot come home',
    d: 'depends on idle, which has nothing to merge yet',
    e: 'depends on nobody, and there is no plan of that name',
  });
});

test('a circle is named from each of its plans; those that only lead to it wait', () => {
  const plans = [plan('a', ['b']), plan('b', ['c']), plan('c', ['a']), plan('self', ['self']), plan('after', ['a'])];
  const { obstacles } = sortByNeeds(plans, elsewhere({}));
  expect(Object.fromEntries(obstacles)).toEqual({
    a: 'depends on itself: a before c before b before a',
    b: 'depends on itself: b before a before c before b',
    c: 'depends on itself: c before b before a before c',
    self: 'depends on itself: self before self',
    after: 'waits for a, which cannot come home',
  });
});
