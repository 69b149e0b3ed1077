import { methods } from '../../src/contract/index.ts';

const mebibyte = 1024 * 1024;
const prototypeNames = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'prototype', 'valueOf', 'then'];

/** Numbers that look random and are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Messages that no client should send, each with the end of its line; none of them asks for anything that changes. */
export class Hostility {
  readonly #random: () => number;
  readonly #kinds: readonly (() => string | Buffer)[];

  constructor(seed: number) {
    this.#random = randomFrom(seed);
    this.#kinds = [
      () => this.#noise(),
      () => this.#noJson(),
      () => this.#call(this.#method(), [this.#value(3)]),
      () => this.#call(this.#method(), { [this.#name()]: this.#value(2), 'no parameter': 1 }),
      () => this.#call(this.#method(), this.#wrongParams()),
      () => this.#call(this.#name(), {}),
      () => this.#call(this.#value(1), this.#value(1)),
      () => JSON.stringify({ jsonrpc: this.#value(1), id: this.#id(), method: 'daemon.status' }),
      () => JSON.stringify(this.#value(4)),
      () => this.#notification(),
      () => this.#batch(1 + this.#below(8), () => this.#call(this.#method(), this.#wrongParams())),
      () => this.#batch(1 + this.#below(8), () => this.#notification()),
      () => this.#batch(1 + this.#below(8), () => JSON.stringify(this.#value(2))),
      () => `{"jsonrpc":"2.0","id":${this.#id()},"method":"event.watch","params":{"after":${this.#below(3)}}}`,
      () => `{"jsonrpc":"2.0","method":"stream.cancel","params":{"stream":"s${this.#below(9)}"}}`,
      () => `{"jsonrpc":"2.0","id":1,"method":"plan.show","params":{"__proto__":{"plan":"a"},"plan":"a"}}`,
    ];
  }

  /** One of those after which the daemon goes on reading; a rare one is large. */
  next(): Buffer {
    const message = this.#random() < 1 / 2500 ? this.#large() : this.#pick(this.#kinds)();
    return Buffer.concat([Buffer.from(message), Buffer.from('\n')]);
  }

  /** One after which a connection is over, or nothing at all. */
  last(): Buffer {
    return this.#pick([
      () => Buffer.alloc(0),
      () => Buffer.from(this.#call('daemon.status', {}).slice(0, 20)),
      () => Buffer.from(`"${'x'.repeat(mebibyte)}`),
      () => Buffer.from(`${this.#batch(101, () => this.#call('daemon.status', {}))}\n`),
    ])();
  }

  /** Up to so many, less one. */
  below(most: number): number {
    return this.#below(most);
  }

  #large(): string {
    const size = Math.floor(mebibyte / 4);
    return this.#pick([
      () => '['.repeat(size) + ']'.repeat(size),
      () => this.#call('plan.start', { plan: 'x'.repeat(size), repository: 'y'.repeat(size) }),
      () => this.#call('event.list', { types: Array.from({ length: size / 4 }, () => 'a') }),
      () => this.#call('plan.start', Object.fromEntries(Array.from({ length: 19_000 }, (_, at) => [`k${at}`, 1]))),
      () => `{"jsonrpc":"2.0","id":1,"method":"plan.show","params":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
      () => this.#batch(100, () => this.#call('daemon.status', {})),
      () => 'x'.repeat(mebibyte - 1),
    ])();
  }

  /** Bytes, broken UTF-8 among them. */
  #noise(): Buffer {
    return Buffer.from(
      Array.from({ length: 1 + this.#below(60) }, () => this.#below(256)).filter((byte) => byte !== 10),
    );
  }

  #noJson(): string {
    const whole = this.#call(this.#method(), this.#wrongParams());
    return this.#pick([
      () => whole.slice(0, this.#below(whole.length)),
      () => `${whole}${whole}`,
      () => `\uFEFF${whole}`,
      () => whole.replaceAll('"', "'"),
      () => '[1,2',
      () => '\0',
      () => 'GET / HTTP/1.1\r',
    ])();
  }

  #call(method: unknown, params: unknown): string {
    return `{"jsonrpc":"2.0","id":${this.#id()},"method":${JSON.stringify(method)},"params":${JSON.stringify(params)}}`;
  }

  #notification(): string {
    return JSON.stringify({ jsonrpc: '2.0', method: this.#method(), params: this.#wrongParams() });
  }

  #batch(length: number, message: () => string): string {
    return `[${Array.from({ length }, message).join(',')}]`;
  }

  /** As JSON: those that may be, the same again and again, and those that may not be. */
  #id(): string {
    const ids = ['1', '"1"', 'null', '1.5', '-0', '1e400', 'true', '[]', '{}', '"__proto__"', '""', '9007199254740993'];
    return this.#pick(ids);
  }

  #method(): string {
    return this.#pick([...methods.keys()]);
  }

  #name(): string {
    return this.#pick([...prototypeNames, '', 'daemon', 'daemon.', '.status', 'daemon.__proto__', '\u0000', 'rpc.x']);
  }

  /** For every parameter of some method a value of some other type, and one that there is not. */
  #wrongParams(): Record<string, unknown> {
    const { params } = methods.get(this.#method()) ?? { params: { shape: {} } };
    const wrong = Object.keys(params.shape).map((name) => [name, this.#value(2)] as const);
    return { ...Object.fromEntries(wrong), [this.#pick(prototypeNames.slice(1))]: this.#value(1) };
  }

  #value(depth: number): unknown {
    const flat = [null, true, false, 0, -1, 1e308, 0.1, '', '__proto__', '\ud800', '../..', '--', 'x'.repeat(300)];
    if (depth === 0 || this.#random() < 0.5) return this.#pick(flat);
    const members = Array.from({ length: this.#below(4) }, () => this.#value(depth - 1));
    return this.#random() < 0.5 ? members : Object.fromEntries(members.map((member) => [this.#name(), member]));
  }

  #below(most: number): number {
    return Math.floor(this.#random() * most);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T;
  }
}
