import { expect, test } from 'vitest';
import { BoundedMap } from '../../src/base/bounded-map.ts';

test('what was used last stays, and what is too much goes', () => {
  const map = new BoundedMap<string>(5, (value) => value.length);
  map.set('a', 'aa');
  map.set('b', 'bb');
  expect(map.get('a')).toBe('aa');
  map.set('c', 'cc');
  expect([map.get('a'), map.get('b'), map.get('c')]).toEqual(['aa', undefined, 'cc']);
  map.set('a', 'a');
  map.set('d', 'dd');
  expect([map.get('a'), map.get('c'), map.get('d')]).toEqual(['a', 'cc', 'dd']);
  map.set('e', 'too long');
  expect(map.get('e')).toBeUndefined();
});
