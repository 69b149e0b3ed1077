import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { EventType } from '../../src/contract/events.ts';
import type { Run } from '../../src/contract/models.ts';
import { mountInMemory } from '../rig/mounted.ts';
import { skipUnlessPunching } from '../rig/punching.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const config = { runs: { max_log_mb: 1 }, limits: { sample_interval: '100ms' } };
const megabyte = 1_000_000;
const lineBytes = 100;
const linesPerMegabyte = megabyte / lineBytes;
/** A block, the slack of an eighth, and what a file system keeps for itself. */
const allocatedAtMost = megabyte * 1.125 + 65_536;

interface Line {
  offset: number;
  line: string;
}

/** Numbered lines of 100 bytes, so that each tells where it lies. */
const printLines = (from: number, count: number): string => `seq -f '%099.0f' ${from} ${from + count - 1}`;
const numberOf = ({ line }: Line): number => Number(line);

const outputOf = (rig: Rig, { id }: Run): string => join(rig.place.home, 'runs', id, 'output.log');
const startOf = (rig: Rig, { id }: Run): number => {
  const file = join(rig.place.home, 'runs', id, 'output.start');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
};
const allocated = (file: string): number => statSync(file).blocks * 512;

async function readLog(
  rig: Rig,
  run: Run,
  more: { from?: number; tail?: number; follow?: boolean } = {},
): Promise<Line[]> {
  await using client = await rig.connect();
  const items: Line[] = [];
  for await (const item of client.stream('plan.logs', { run: run.id, ...more })) items.push(item);
  return items;
}

/** Every line lies where its number says. */
function expectTrue(lines: readonly Line[]): void {
  const wrong = lines.filter((line) => numberOf(line) * lineBytes !== line.offset);
  expect(wrong.slice(0, 3)).toEqual([]);
}

/** The last lines of all that were written, without a gap. */
function expectLast(lines: readonly Line[], count: number): void {
  expectTrue(lines);
  expect(lines.at(-1)?.offset).toBe((count - 1) * lineBytes);
  expect(lines.length).toBe(count - (lines[0]?.offset ?? 0) / lineBytes);
  expect(lines.length).toBeGreaterThanOrEqual(linesPerMegabyte);
}

const eventsOf = async (rig: Rig, type: EventType) => (await rig.call('event.list', { types: [type] })).events;

test('a run may write five times its limit: it ends as it would, the oldest goes, the last is all there', async (context) => {
  await using rig = await Rig.setUp({ config });
  skipUnlessPunching(context, rig.place.home);
  const { run, child } = await rig.startSteered('talker');
  const file = outputOf(rig, run);
  await using earlier = rig.spawnWtd(['logs', '-f', 'talker', '--json']);
  let written = 0;
  const write = async (lines: number) => {
    await child.tell(printLines(written, lines));
    await child.ask(':');
    written += lines;
  };
  await write(1);
  await until(() => earlier.stdout !== '', 'the follower reads');
  for (const round of [1, 2]) {
    await write(round * linesPerMegabyte * 1.25 - written);
    const least = written * lineBytes - allocatedAtMost;
    await until(() => startOf(rig, run) >= least && allocated(file) <= allocatedAtMost, 'the oldest output has gone');
  }
  await rig.daemon.kill();
  await write(linesPerMegabyte * 1.25);
  expect(allocated(file)).toBeGreaterThan(allocatedAtMost);
  await rig.startDaemon();
  await until(() => allocated(file) <= allocatedAtMost, 'the next daemon goes on trimming');
  const follower = readLog(rig, run, { follow: true });
  await write(linesPerMegabyte * 1.25);
  await until(() => startOf(rig, run) >= 3.5 * megabyte, 'the oldest output has gone again');
  expectLast(await readLog(rig, run), written);

  await child.exit(7);
  expect(await rig.wait('talker')).toMatchObject({ id: run.id, state: 'failed', reason: 'exit', exitCode: 7 });
  await until(() => allocated(file) <= megabyte + 65_536, 'an ended run keeps no more than the limit');
  expect(statSync(file).size).toBe(5 * megabyte);
  const toTheEnd = await follower;
  expectTrue(toTheEnd); // the hole may have overtaken it
  expect(toTheEnd.at(-1)?.offset).toBe((written - 1) * lineBytes);
  const all = await readLog(rig, run);
  expectLast(all, written);
  expect(all[0]?.offset).toBe(4 * megabyte);
  expect(await readLog(rig, run, { from: 1234 })).toEqual(all);
  expect(await readLog(rig, run, { from: 5 * megabyte - lineBytes })).toEqual(all.slice(-1));
  expect(await readLog(rig, run, { tail: 2 })).toEqual(all.slice(-2));
  expect(await eventsOf(rig, 'run.log.trimmed')).toMatchObject([
    { plan: 'talker', repository: 'shop', run: run.id, data: { droppedBytes: expect.any(Number) as unknown } },
  ]);
  const { stdout } = await earlier.finished();
  // It ends with the daemon, with an error in its place.
  const followed = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  expect(followed[0]).toMatchObject({ offset: 0 });
  expectTrue(followed.filter((item) => 'line' in item));
});

test('a run that ended while no daemon lived is trimmed by the next one', async (context) => {
  await using rig = await Rig.setUp({ config: { ...config, limits: { sample_interval: '1h' } } });
  skipUnlessPunching(context, rig.place.home);
  const { run, child } = await rig.startSteered('talker');
  await rig.daemon.kill();
  await child.tell(`${printLines(0, 3 * linesPerMegabyte)}; exit 0`);
  await until(() => statSync(outputOf(rig, run)).size === 3 * megabyte, 'all is written');
  await rig.startDaemon();
  expect(await rig.wait('talker')).toMatchObject({ state: 'succeeded', exitCode: 0 });
  await until(() => allocated(outputOf(rig, run)) <= megabyte + 65_536, 'the output is trimmed');
  expectLast(await readLog(rig, run), 3 * linesPerMegabyte);
});

test('a trimmed output begins with the same line after every restart of the daemon', async (context) => {
  await using rig = await Rig.setUp({ config: { ...config, limits: { sample_interval: '1h' } } });
  skipUnlessPunching(context, rig.place.home);
  // 97 does not divide the limit, so that it lies within a line.
  const run = await rig.start('talker', ['/bin/sh', '-c', "seq -f '%096.0f' 0 19999"]);
  await rig.wait('talker');
  await until(() => startOf(rig, run) > 0, 'the output is trimmed');
  const [first] = await readLog(rig, run);
  expect(first?.offset).toBe(Number(first?.line) * 97);
  for (let restart = 0; restart < 3; restart += 1) {
    await rig.daemon.terminate();
    await rig.startDaemon();
    // Another run is looked at after those of before.
    const next = await rig.start(`talker-${restart}`, ['/bin/sh', '-c', "seq -f '%096.0f' 0 19999"]);
    await until(() => startOf(rig, next) > 0, 'the next one is trimmed');
    expect((await readLog(rig, run))[0]).toEqual(first);
  }
});

test('without a limit all of it stays', async () => {
  await using rig = await Rig.setUp({ config: { ...config, runs: { max_log_mb: null } } });
  const run = await rig.start('talker', ['/bin/sh', '-c', printLines(0, 3 * linesPerMegabyte)]);
  expect(await rig.wait('talker')).toMatchObject({ state: 'succeeded' });
  const all = await readLog(rig, run);
  expect(all[0]).toMatchObject({ offset: 0 });
  expectLast(all, 3 * linesPerMegabyte);
});

test('where the file system cannot punch holes the output stays whole, and that is told', async (context) => {
  await using rig = await Rig.setUp({ config, daemon: false });
  const runs = mountInMemory(context, join(rig.place.home, 'runs'), { type: 'ramfs' });
  try {
    await rig.startDaemon();
    const { run, child } = await rig.startSteered('talker');
    const count = 3 * linesPerMegabyte;
    await child.tell(printLines(0, count));
    const warning = await until(
      async () => (await rig.call('plan.show', { plan: 'talker', repository: 'shop' })).warnings[0],
      'the plan warns',
    );
    expect(warning).toContain('its output is past its limit and could not be trimmed: fallocate failed');
    expect((await rig.wtd('status')).stdout).toContain('talker: its output is past its limit');
    await child.ask(':');
    await child.exit(3);
    expect(await rig.wait('talker')).toMatchObject({ id: run.id, state: 'failed', exitCode: 3 });
    const all = await readLog(rig, run);
    expect(all[0]).toMatchObject({ offset: 0 });
    expectLast(all, count);
    await rig.daemon.terminate();
    await rig.startDaemon();
    expect(await eventsOf(rig, 'run.log.untrimmed')).toMatchObject([{ run: run.id, plan: 'talker' }]);
    expect(await eventsOf(rig, 'run.log.trimmed')).toEqual([]);
    await rig.daemon.terminate();
  } finally {
    runs.unmount();
  }
});
