import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readBlobs } from '../../../src/daemon/git/blobs.ts';

async function* inPieces(output: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let from = 0; from < output.length; from += size) {
    await Promise.resolve();
    yield output.subarray(from, from + size);
  }
}

test('objects are handed over whole and in order, however their bytes come', async () => {
  const contents = fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(Buffer.from('\n\n'))), {
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(contents, fc.integer({ min: 1, max: 30 }), async (blobs, size) => {
      const output = blobs.map((bytes, at) =>
        Buffer.concat([Buffer.from(`a${at} blob ${bytes.length}\n`), bytes, Buffer.from('\n')]),
      );
      const read: [string, Buffer][] = [];
      const count = await readBlobs(inPieces(Buffer.concat(output), size), async (id, content) => {
        const pieces: Buffer[] = [];
        for await (const piece of content) pieces.push(piece);
        read.push([id, Buffer.concat(pieces)]);
      });
      expect(count).toBe(blobs.length);
      expect(read).toEqual(blobs.map((bytes, at) => [`a${at}`, Buffer.from(bytes)]));
    }),
  );
});

test('an object that is missing or cut off is an error', async () => {
  const read = (output: string) =>
    readBlobs(inPieces(Buffer.from(output), 4), async (_, content) => {
      for await (const piece of content) expect(piece.length).toBeGreaterThan(0);
    });
  await expect(read('abc missing\n')).rejects.toThrow('abc missing');
  await expect(read('abc blob 10\n123')).rejects.toThrow('7 bytes before the end');
});
