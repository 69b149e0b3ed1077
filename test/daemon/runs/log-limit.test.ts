import { appendFileSync, mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { Registry } from '../../../src/daemon/registry/registry.ts';
import type { RunLedger } from '../../../src/daemon/runs/ledger.ts';
import { readLines, type LogLine } from '../../../src/daemon/runs/log-files.ts';
import { LogLimit } from '../../../src/daemon/runs/log-limit.ts';
import { RunDirectories } from '../../../src/daemon/runs/run-directory.ts';
import { skipUnlessPunching } from '../../rig/punching.ts';

const blockBytes = 4096;
const longestLineBytes = 262_144;

/** One run's output with a limit, and what else it wrote since, kept beside it. */
class Bench {
  readonly root = mkdtempSync(join(tmpdir(), 'wtd-log-'));
  readonly file: string;
  readonly told: { type: string; data: unknown }[] = [];
  limitBytes = 10_000;
  state = 'running';
  path = process.env['PATH'] ?? '';
  plain = Buffer.alloc(0);
  limit = this.newLimit();

  constructor() {
    onTestFinished(() => {
      this.remove();
    });
    mkdirSync(join(this.root, 'one'));
    this.file = join(this.root, 'one', 'output.log');
    writeFileSync(this.file, '');
  }

  /** As a later daemon would see it. */
  newLimit(): LogLimit {
    const registry = {
      runs: { get: () => ({ id: 'one', planId: 'plan', state: this.state }), placed: () => [{ id: 'one' }] },
      plans: { get: () => ({ name: 'plan', repositoryId: 'shop' }) },
      repositories: { get: () => ({ name: 'shop' }) },
      change: (apply: (tell: (event: { type: string; data: unknown }) => void) => void) => {
        apply(({ type, data }) => this.told.push({ type, data }));
      },
    };
    return new LogLimit({
      registry: registry as unknown as Registry,
      ledger: { onEnd: () => ({ [Symbol.dispose]: () => undefined }) } as unknown as RunLedger,
      directories: new RunDirectories(this.root),
      log: pino({ level: 'silent' }),
      environment: { PATH: this.path },
      intervalMs: () => 1000,
      limitBytes: () => this.limitBytes,
    });
  }

  write(bytes: Buffer): void {
    this.plain = Buffer.concat([this.plain, bytes]);
    appendFileSync(this.file, bytes);
  }

  async read(options: { from?: number; tail?: number } = {}): Promise<LogLine[]> {
    const lines: LogLine[] = [];
    const reading = { file: this.file, signal: new AbortController().signal, onCaughtUp: () => undefined, ...options };
    for await (const line of readLines(reading)) lines.push(line);
    return lines;
  }

  get allocatedBytes(): number {
    return statSync(this.file).blocks * 512;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** What was read is the end of what was written, byte by byte and each line where it says. */
function expectEnd({ plain }: Bench, lines: readonly LogLine[]): number {
  const first = lines[0]?.offset ?? plain.length;
  let at = first;
  for (const { offset, line } of lines) {
    if (offset !== at) throw new Error(`a line lies at ${offset} instead of ${at}`);
    const end = offset + Buffer.byteLength(line);
    if (!plain.subarray(offset, end).equals(Buffer.from(line))) throw new Error(`the line at ${offset} is another`);
    at = plain[end] === 0x0a ? end + 1 : end;
  }
  expect(at).toBe(plain.length);
  return first;
}

const lines = (count: number, bytes: number, from = 0): Buffer =>
  Buffer.from(
    Array.from({ length: count }, (_, index) => `${String(from + index).padStart(bytes - 1, '.')}\n`).join(''),
  );

test('what is read is the end of what was written, and no byte within the limit is ever lost', async (context) => {
  skipUnlessPunching(context, tmpdir());
  const portion = fc.tuple(
    fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\0', ' '), maxLength: 60 }),
    fc.constantFrom(1, 10, 400, 6000),
  );
  const step = fc.record({ portion, limit: fc.option(fc.integer({ min: 1, max: 60_000 })), anew: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const bench = new Bench();
      let mayBeLost = 0;
      for (const { portion, limit, anew } of steps) {
        bench.limitBytes = limit ?? bench.limitBytes;
        if (anew) bench.limit = bench.newLimit();
        bench.write(Buffer.from(portion[0].repeat(portion[1])));
        await bench.limit.look('one');
        mayBeLost = Math.max(mayBeLost, bench.plain.length - bench.limitBytes);
        expect(expectEnd(bench, await bench.read())).toBeLessThanOrEqual(mayBeLost);
        const slack = bench.limitBytes / 8 + blockBytes * 3 + longestLineBytes;
        expect(bench.allocatedBytes).toBeLessThanOrEqual(bench.limitBytes + slack);
      }
      bench.write(Buffer.from('more\n'));
      bench.state = 'succeeded';
      await bench.limit.look('one');
      mayBeLost = Math.max(mayBeLost, bench.plain.length - bench.limitBytes);
      expect(expectEnd(bench, await bench.read())).toBeLessThanOrEqual(mayBeLost);
      expect(readFileSync(bench.file).length).toBe(bench.plain.length);
      bench.remove();
    }),
    { numRuns: 25 },
  );
});

test('a reader that asks for what is gone begins with the first line that is kept', async (context) => {
  skipUnlessPunching(context, tmpdir());
  const bench = new Bench();
  bench.write(lines(1000, 100));
  await bench.limit.look('one');
  expect(bench.told).toEqual([{ type: 'run.log.trimmed', data: { droppedBytes: 90_000 } }]);
  const all = await bench.read();
  expect(all).toHaveLength(100);
  expect(all[0]).toEqual({ offset: 90_000, line: '900'.padStart(99, '.') });
  expect(await bench.read({ from: 12_345 })).toEqual(all);
  expect(await bench.read({ from: 90_000 })).toEqual(all);
  expect(await bench.read({ from: 99_900 })).toEqual(all.slice(-1));
  expect(await bench.read({ tail: 3 })).toEqual(all.slice(-3));
  expect(await bench.read({ tail: 5000 })).toEqual(all);
  bench.write(lines(1000, 100, 1000));
  await bench.limit.look('one');
  expect(bench.told).toHaveLength(1);
});

test('what was trimmed in the middle of no line stays as it is at every later look', async (context) => {
  skipUnlessPunching(context, tmpdir());
  const bench = new Bench();
  bench.limitBytes = 100_000;
  bench.write(lines(10_000, 97));
  bench.state = 'succeeded';
  await bench.limit.look('one');
  const [first] = await bench.read();
  expect(first).toEqual({ offset: 8969 * 97, line: '8969'.padStart(96, '.') });
  const kept = statSync(bench.file, { bigint: true }).ctimeNs;
  for (let daemon = 0; daemon < 3; daemon += 1) {
    bench.limit = bench.newLimit();
    await bench.limit.look('one');
    expect((await bench.read())[0]).toEqual(first);
  }
  expect(statSync(bench.file, { bigint: true }).ctimeNs, 'nothing was punched').toBe(kept);
});

test('a line that is longer than the limit stays whole', async () => {
  const bench = new Bench();
  bench.write(lines(1, 20_000));
  bench.state = 'succeeded';
  await bench.limit.look('one');
  expect([bench.told, expectEnd(bench, await bench.read())]).toEqual([[], 0]);
});

test('a follower that the hole overtakes jumps to the first kept line and takes no zero for output', async (context) => {
  skipUnlessPunching(context, tmpdir());
  const bench = new Bench();
  bench.write(lines(2000, 100));
  let isOver = false;
  const follow = { isOver: () => isOver, onOver: () => ({ [Symbol.dispose]: () => undefined }) };
  const signal = new AbortController().signal;
  const follower = readLines({ file: bench.file, signal, follow, onCaughtUp: () => undefined });
  const next = async () => (await follower.next()).value as LogLine;
  expect(await next()).toMatchObject({ offset: 0 });

  bench.write(lines(18_000, 100, 2000));
  await bench.limit.look('one');
  isOver = true;
  const read: LogLine[] = [];
  for await (const line of follower) read.push(line);
  const gap = read.findIndex(({ offset }, index) => index > 0 && offset !== (read[index - 1]?.offset ?? 0) + 100);
  expect(read[gap]).toEqual({ offset: 1_990_000, line: '19900'.padStart(99, '.') });
  expect(read.slice(gap)).toEqual(await bench.read());
  expect(read.filter(({ line }) => line.includes('\0'))).toEqual([]);
});

test('what a daemon left between the two steps is punched by the next one', async (context) => {
  skipUnlessPunching(context, tmpdir());
  const bench = new Bench();
  bench.write(lines(1000, 100));
  writeFileSync(join(bench.root, 'one', 'output.start'), '00000000000000090000\n');
  expect(bench.allocatedBytes).toBeGreaterThan(90_000);
  bench.state = 'succeeded';
  await bench.limit.look('one');
  expect(bench.allocatedBytes).toBeLessThan(20_000);
  expect(expectEnd(bench, await bench.read())).toBe(90_000);
});

test('without a way to punch all stays as it is, which is told once', async () => {
  const bench = await leftWhole();
  expect(bench.told).toEqual([
    { type: 'run.log.untrimmed', data: { sizeBytes: 100_000, cause: expect.stringContaining('fallocate') as unknown } },
  ]);
  expect(bench.limit.warningOf('one')).toContain('past its limit');
  expect(expectEnd(bench, await bench.read())).toBe(0);
  bench.write(lines(1000, 100, 1000));
  await bench.limit.look('one');
  bench.limit = bench.newLimit();
  await bench.limit.look('one');
  expect(bench.told).toHaveLength(1);
  expect(expectEnd(bench, await bench.read())).toBe(0);
});

test('what could not be punched is made up for once there is a way', async (context) => {
  skipUnlessPunching(context, tmpdir());
  const bench = await leftWhole();
  bench.path = process.env['PATH'] ?? '';
  bench.limit = bench.newLimit();
  await bench.limit.look('one');
  expect(bench.limit.warningOf('one')).toBeUndefined();
  expect(expectEnd(bench, await bench.read())).toBe(90_000);
});

/** Of 100,000 bytes, because there is no fallocate. */
async function leftWhole(): Promise<Bench> {
  const bench = new Bench();
  bench.path = bench.root;
  bench.limit = bench.newLimit();
  bench.write(lines(1000, 100));
  await bench.limit.look('one');
  return bench;
}
