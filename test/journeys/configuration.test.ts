import { mkdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Daemon } from '../rig/daemon.ts';
import { Place, type ConfigText } from '../rig/place.ts';
import { Program, type Finished } from '../rig/program.ts';
import { Rig } from '../rig/rig.ts';

/** The end of a daemon that must not start. */
async function refuseToStart(place: Place, env: Record<string, string> = {}): Promise<Finished> {
  await using daemon = new Daemon(place, env);
  expect(await daemon.untilDecided(), 'the daemon must not serve').toBe(false);
  return await daemon.ended();
}

const invalid: [what: string, config: ConfigText, says: string[]][] = [
  ['an unknown section', { worktree: {} }, ['unknown key worktree', 'worktrees', 'ports', 'limits']],
  ['an unknown key', { ports: { bsae: 1 } }, ['unknown key ports.bsae', 'base', 'range_size', 'last']],
  ['two unknown keys', { limits: { a: 1, b: 2 } }, ['limits.a', 'limits.b', 'max_concurrent']],
  ['a number out of range', { limits: { max_concurrent: 0 } }, ['limits.max_concurrent', '1']],
  ['a port below 1024', { ports: { base: 80 } }, ['ports.base', '1024']],
  ['a port above 65535', { ports: { last: 70_000 } }, ['ports.last', '65535']],
  ['no room for one range', { ports: { base: 9000, last: 9005 } }, ['ports.last', 'ports.range_size']],
  ['a wrong type', { limits: { max_concurrent: 'three' } }, ['limits.max_concurrent', 'number']],
  ['a fraction', { limits: { queue_size: 1.5 } }, ['limits.queue_size', 'int']],
  ['a section that is a list', { ports: [] }, ['ports']],
  ['a bad duration', { runs: { keep: 'a while' } }, ['runs.keep', '14d']],
  ['a bad cron expression', { schedule: { cleanup: 'hourly' } }, ['schedule.cleanup', 'cron']],
  ['a bad time zone', { schedule: { timezone: 'Mars/Phobos' } }, ['schedule.timezone', 'Europe/Berlin']],
  ['a bad level', { log: { level: 'loud' } }, ['log.level', 'info', 'debug']],
  ['a directory outside', { worktrees: { directory: '../elsewhere' } }, ['worktrees.directory', '..']],
  ['an empty command', { orchestrator: { command: [] } }, ['orchestrator.command']],
  ['broken YAML', 'ports: [1,', ['line 1']],
  ['a key given twice', 'ports:\n  base: 9000\n  base: 9001\n', ['unique']],
  ['a document that is a list', '- ports\n', ['the file']],
  ['a document that is text', 'ports', ['the file']],
  ['an unknown alias', 'ports: *nothing\n', ['nothing']],
];

describe('the configuration', () => {
  test('that is not valid changes nothing when it is read again, and says which key and what is allowed', async () => {
    await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 7 } } });
    const before = await rig.call('config.show', {});
    for (const [what, config, says] of invalid) {
      rig.place.configure(config);
      const refusal = await rig.refusal('daemon.reload', {});
      expect.soft([what, refusal.code]).toEqual([what, 'INVALID_PARAMS']);
      for (const text of [...says, join(rig.place.home, 'config.yaml')]) {
        expect.soft(refusal.message, what).toContain(text);
      }
      expect.soft(refusal.hint).toContain('wtd daemon reload');
    }
    expect(await rig.call('config.show', {})).toEqual(before);
    expect((await rig.call('status.get', {})).limits.maxConcurrent).toBe(7);
    expect((await rig.call('event.list', { types: ['daemon.reloaded'] })).events).toEqual([]);
    const refused = await rig.wtd('daemon', 'reload');
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('config.yaml')]);
    rig.daemon.reload();
    expect(await rig.call('config.show', {}), 'after SIGHUP as well').toEqual(before);
  });

  test('that is not valid keeps a daemon from starting, with the sentence and exit 2', async () => {
    await using place = new Place();
    for (const config of ['ports: [1,', { ports: { bsae: 1 } }] as const) {
      place.configure(config);
      const { exitCode, stderr, stdout } = await refuseToStart(place);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toContain(join(place.home, 'config.yaml'));
    }
  });

  test('that cannot be read keeps a daemon from starting: defaults never stand in for it', async () => {
    await using place = new Place();
    mkdirSync(join(place.home, 'config.yaml'));
    const { exitCode, stderr } = await refuseToStart(place);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('config.yaml')]);
  });

  test('that is not valid is told by the client that wanted to start the daemon', async () => {
    await using rig = await Rig.setUp({ daemon: false, config: { ports: { bsae: 1 } } });
    const client = await rig.spawnWtd(['status'], { env: { WTD_AUTOSTART: '1' } }).finished();
    expect([client.exitCode, client.stdout]).toEqual([69, '']);
    expect(client.stderr).toContain('unknown key ports.bsae');
    expect(client.stderr).toContain(join(rig.place.home, 'config.yaml'));
    const json = await rig.spawnWtd(['status', '--json'], { env: { WTD_AUTOSTART: '1' } }).finished();
    expect(json.json()).toMatchObject({
      error: { data: { code: 'UNAVAILABLE' }, message: expect.stringContaining('ports.bsae') as unknown },
    });
  });

  test('may be JSON, empty, only comments, or not there', async () => {
    await using rig = await Rig.setUp({
      config: '{"limits": {"max_concurrent": 4}, "ports": {"base": 23000, "last": 24000}}',
    });
    const file = join(rig.place.home, 'config.yaml');
    const { effective, sources } = await rig.call('config.show', {});
    expect(effective).toMatchObject({
      limits: { max_concurrent: 4, queue_size: 100 },
      ports: { base: 23_000, range_size: 10, last: 24_000 },
    });
    expect(sources).toEqual(['defaults', file]);
  });

  test('is read again by a method, by SIGHUP and by the command line, and what changed takes effect', async () => {
    await using rig = await Rig.setUp();
    const read = async () => (await rig.call('config.show', {})).effective['limits'];
    expect((await rig.call('config.show', {})).sources).toEqual(['defaults']);
    rig.place.configure({ limits: { max_concurrent: 4 } });
    await rig.call('daemon.reload', {});
    expect(await read()).toMatchObject({ max_concurrent: 4 });
    rig.place.configure({ limits: { max_concurrent: 5 } });
    expect((await rig.wtd('daemon', 'reload')).exitCode).toBe(0);
    expect(await read()).toMatchObject({ max_concurrent: 5 });
    rig.place.configure('# nothing\n');
    await using events = await rig.connect();
    const reloaded = events.stream('event.watch', { types: ['daemon.reloaded'] })[Symbol.asyncIterator]();
    const next = reloaded.next();
    await events.call('daemon.status', {});
    rig.daemon.reload();
    expect((await next).value).toMatchObject({ type: 'daemon.reloaded' });
    expect(await read()).toMatchObject({ max_concurrent: 3 });
    unlinkSync(join(rig.place.home, 'config.yaml'));
    await rig.call('daemon.reload', {});
    expect((await rig.call('config.show', {})).sources).toEqual(['defaults']);
  });

  test('that allows more runs at once starts those that wait', async () => {
    await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
    const { child } = await rig.startSteered('first');
    const second = rig.steered('second');
    expect(await rig.start('second', second.command)).toMatchObject({ state: 'queued', queuePosition: 1 });
    rig.place.configure({ limits: { max_concurrent: 2 } });
    await rig.call('daemon.reload', {});
    await second.untilStarted();
    await Promise.all([child.exit(0), second.exit(0)]);
    expect(await rig.wait('second')).toMatchObject({ state: 'succeeded' });
  });
});

test('a path that is too long for a socket, and a home that is not absolute, are refused with a sentence', async () => {
  await using place = new Place();
  const long = join(place.directory, 'x'.repeat(100));
  const tooLong = await refuseToStart(place, { WTD_HOME: long });
  expect([tooLong.exitCode, tooLong.stderr]).toEqual([10, expect.stringContaining(join(long, 'wtd.sock'))]);
  expect(tooLong.stderr).toContain('WTD_HOME');

  const relative = await refuseToStart(place, { WTD_HOME: 'home' });
  expect([relative.exitCode, relative.stderr]).toEqual([2, expect.stringContaining('WTD_HOME')]);
  expect(relative.stderr).not.toContain('defect');
  await using client = new Program(['status'], { cwd: place.directory, env: { ...place.env, WTD_HOME: 'home' } });
  const refused = await client.finished();
  expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('WTD_HOME')]);
  rmSync(long, { recursive: true, force: true });
});
