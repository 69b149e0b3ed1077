import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineReader, LineTooLongError } from '../../src/rpc/framing.ts';

const text = (line: Uint8Array | undefined) => (line === undefined ? undefined : Buffer.from(line).toString('latin1'));

function* linesOf(reader: LineReader): Generator<string> {
  for (let line = text(reader.next()); line !== undefined; line = text(reader.next())) yield line;
}

test('however the bytes are cut, the lines are the same', () => {
  const chunk = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 20 });
  fc.assert(
    fc.property(fc.array(chunk), fc.boolean(), (chunks, readsBetween) => {
      const reader = new LineReader(10_000);
      const lines: string[] = [];
      for (const bytes of chunks) {
        reader.push(Buffer.from(bytes));
        if (readsBetween) lines.push(...linesOf(reader));
      }
      lines.push(...linesOf(reader));
      expect(lines).toEqual(chunks.join('').split('\n').slice(0, -1));
    }),
  );
});

test('a line may have as many bytes as the limit and not one more, in one piece or in many', () => {
  for (const size of [1, 3, 100]) {
    const reader = new LineReader(100);
    const feed = (bytes: number) => {
      for (let sent = 0; sent < bytes; sent += size) {
        reader.push(Buffer.alloc(Math.min(size, bytes - sent), 'x'));
        expect(reader.next()).toBeUndefined();
      }
    };
    feed(100);
    reader.push(Buffer.from('\n'));
    expect(reader.next()).toHaveLength(100);
    expect(() => {
      feed(101);
      reader.push(Buffer.from('\n'));
      reader.next();
    }).toThrow(LineTooLongError);
  }
});
