import { expect, test } from 'vitest';
import { Holdings, type Holder } from '../../src/rpc/holdings.ts';

const mebibyte = 1024 * 1024;

class Client implements Holder {
  heldBytes = 0;
  isDropped = false;
  readonly #holdings: Holdings;

  constructor(holdings: Holdings) {
    this.#holdings = holdings;
  }

  drop(): void {
    this.isDropped = true;
  }

  hold(megabytes: number): void {
    this.heldBytes = megabytes * mebibyte;
    this.#holdings.update(this);
  }
}

test('past 256 MiB those go who have taken nothing for longest, and no more than needed', () => {
  let drops = 0;
  const holdings = new Holdings(() => drops++);
  const clients = [0, 1, 2, 3].map(() => new Client(holdings));
  const [first, second, third, fourth] = clients as [Client, Client, Client, Client];
  for (const client of clients) client.hold(60);
  first.hold(50); // it reads
  fourth.hold(90);
  expect(clients.map(({ isDropped }) => isDropped)).toEqual([false, true, false, false]);
  expect([drops, holdings.totalBytes]).toEqual([1, 200 * mebibyte]);
  third.hold(0);
  first.hold(0);
  holdings.forget(fourth);
  holdings.forget(second);
  expect(holdings.totalBytes).toBe(0);
});

test('streams of all connections are limited together', () => {
  const holdings = new Holdings();
  for (let count = 0; count < 1024; count++) holdings.openStream();
  expect(() => {
    holdings.openStream();
  }).toThrow('1024');
  holdings.closeStream();
  holdings.openStream();
});
