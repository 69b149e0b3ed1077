import { expect, test } from 'vitest';
import { isTooComplex } from '../../src/rpc/complexity.ts';
import { failure, serve } from './rig.ts';

const judge = (text: string) => isTooComplex(Buffer.from(text));
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const values = (count: number) => `[${Array.from({ length: count }, () => '1').join(',')}]`;

test('up to 64 levels and 20,000 values are not too much, one more is', () => {
  expect([judge(nested(64)), judge(nested(65))]).toEqual([false, true]);
  expect([judge(values(20_000)), judge(values(20_001))]).toEqual([false, true]);
  expect(judge(`[${Array.from({ length: 100 }, () => nested(60)).join(',')}]`)).toBe(false);
});

test('what is within strings does not count, wherever they end', () => {
  expect(judge(`"${'[,'.repeat(30_000)}"`)).toBe(false);
  expect(judge(`"\\"${'['.repeat(100)}"`)).toBe(false);
  expect(judge(`"\\\\"${nested(65)}`)).toBe(true);
  expect(judge(`"${'['.repeat(100)}`)).toBe(false);
});

test('a line that is too complex gets one error, and the connection goes on', async () => {
  const peer = await (await serve({ ping: () => 'pong' })).connect();
  expect(await peer.ask(`${nested(100_000)}\n`)).toEqual(failure(null, -32600, 'INVALID_REQUEST'));
  expect(await peer.ask({ jsonrpc: '2.0', id: 1, method: 'ping' })).toHaveProperty('result', 'pong');
});
