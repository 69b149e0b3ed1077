import { expect, test } from 'vitest';
import { nearNames } from '../../src/base/near-names.ts';

test('names that differ by a slip are near, the nearest first', () => {
  expect(nearNames('loggin', ['search', 'logins', 'login'])).toEqual(['login', 'logins']);
  expect(nearNames('LOGIN', ['login'])).toEqual(['login']);
  expect(nearNames('logn', ['login', 'log'])[0]).toBe('login');
});

test('names that contain what was typed, or are contained in it, are near', () => {
  expect(nearNames('search', ['search-by-colour-and-size'])).toEqual(['search-by-colour-and-size']);
  expect(nearNames('search-by-colour', ['search'])).toEqual(['search']);
});

test('names that have nothing in common are not near', () => {
  expect(nearNames('login', ['checkout', 'payment', 'ab'])).toEqual([]);
  expect(nearNames('login', [])).toEqual([]);
});

test('at most three are named', () => {
  expect(nearNames('a1', ['a1x', 'a2', 'a3', 'a4', 'a5'])).toHaveLength(3);
});
