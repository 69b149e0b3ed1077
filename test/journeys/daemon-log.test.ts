import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mountInMemory } from '../rig/mounted.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

interface Entry {
  level: number;
  time: string;
  pid: number;
  msg: string;
  [member: string]: unknown;
}

const logsOf = (rig: Rig): string => join(rig.place.home, 'logs');
const logNames = (rig: Rig): string[] => readdirSync(logsOf(rig)).filter((name) => /^daemon\.log/.test(name));

/** So many calls are under way at once. */
const batch = 20;

/** The oldest first. */
function entries(rig: Rig): Entry[] {
  const age = (name: string) => Number(name.slice('daemon.log.'.length) || 0);
  return logNames(rig)
    .sort((one, other) => age(other) - age(one))
    .flatMap((name) =>
      readFileSync(join(logsOf(rig), name), 'utf8')
        .trimEnd()
        .split('\n'),
    )
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Entry);
}

/** Refusals are lines of level debug. */
async function say(rig: Rig, times: number): Promise<void> {
  await using client = await rig.connect();
  for (let count = 0; count < times; count += batch) {
    const refused = () => client.call('plan.show', { plan: 'x', repository: 'y' }).catch(() => undefined);
    await Promise.all(Array.from({ length: batch }, refused));
  }
}

describe("the daemon's log", () => {
  test('has one line for every event, across daemons, and none twice', async () => {
    await using rig = await Rig.setUp();
    const { child } = await rig.startSteered('login');
    await rig.call('daemon.reload', {});
    await rig.daemon.kill();
    await rig.startDaemon();
    await child.exit(3);
    await rig.wait('login');
    await rig.call('plan.remove', { plan: 'login', repository: 'shop' });
    const { events } = await rig.call('event.list', { limit: 1000 });
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['run.ended', 'worktree.removed']));
    const told = entries(rig).filter(({ seq }) => seq !== undefined);
    expect(told.map(({ seq, msg, data }) => ({ seq, type: msg, data }))).toEqual(
      events.map(({ seq, type, data }) => ({ seq, type, data })),
    );
    expect(told.find(({ msg }) => msg === 'run.ended')).toMatchObject({
      level: 30,
      repository: 'shop',
      plan: 'login',
      data: { state: 'failed', exitCode: 3 },
    });
  });

  test('is rotated by size, keeps as many as wished, and takes a new wish at once', async () => {
    await using rig = await Rig.setUp({ config: { log: { level: 'debug', max_mb: 1, keep: 2 } } });
    await until(async () => {
      await say(rig, 2000);
      return logNames(rig).length === 3;
    }, 'two full files lie beside the log');
    const [oldest] = entries(rig);
    await rig.daemon.kill();
    await rig.startDaemon();
    await until(async () => {
      await say(rig, 2000);
      return entries(rig)[0]?.time !== oldest?.time;
    }, 'the oldest file has gone');
    expect(logNames(rig).sort()).toEqual(['daemon.log', 'daemon.log.1', 'daemon.log.2']);
    for (const name of logNames(rig)) {
      const { size, mode } = statSync(join(logsOf(rig), name));
      expect(size).toBeLessThanOrEqual(1_000_000);
      expect(mode & 0o777).toBe(0o600);
    }
    rig.place.configure({ log: { level: 'info', max_mb: 1, keep: 1 } });
    await rig.call('daemon.reload', {});
    const before = entries(rig).length;
    await say(rig, 20);
    expect(entries(rig)).toHaveLength(before);
    rig.place.configure({ log: { level: 'debug', max_mb: 1, keep: 1 } });
    await rig.call('daemon.reload', {});
    await until(async () => {
      await say(rig, 2000);
      return logNames(rig).length === 2;
    }, 'only one full file is kept');
  });

  test('goes on when its directory was taken away', async () => {
    await using rig = await Rig.setUp();
    rmSync(logsOf(rig), { recursive: true });
    await rig.call('repository.add', { path: rig.repository.path });
    expect(entries(rig)).toMatchObject([{ msg: 'repository.added' }]);
    expect(statSync(logsOf(rig)).mode & 0o777).toBe(0o700);
  });

  test('waits for a full disk while the daemon goes on, and has every line once there is space', async (context) => {
    await using rig = await Rig.setUp({ daemon: false });
    const logs = mountInMemory(context, logsOf(rig), { type: 'tmpfs', options: 'size=128k' });
    try {
      await rig.startDaemon();
      const ballast = join(logsOf(rig), 'ballast');
      expect(() => {
        writeFileSync(ballast, Buffer.alloc(1_000_000));
      }).toThrow('ENOSPC');
      await using client = await rig.connect();
      for (let count = 0; count < 100; count += 1) await client.call('daemon.reload', {});
      await rig.start('login', ['true']);
      expect(await rig.wait('login')).toMatchObject({ state: 'succeeded' });
      const text = readFileSync(join(logsOf(rig), 'daemon.log'), 'utf8');
      expect(text).toContain('daemon.started');
      expect(text).not.toContain('run.ended');

      rmSync(ballast);
      await client.call('daemon.reload', {});
      const { events } = await client.call('event.list', { limit: 1000 });
      const told = entries(rig).flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
      expect(told).toEqual(events.map(({ seq }) => seq));
      await rig.daemon.terminate();
    } finally {
      logs.unmount();
    }
  });

  test('has no secret of any environment, whatever goes wrong', async () => {
    const secret = 'hush-3f9a';
    const config = { log: { level: 'trace' }, limits: { max_concurrent: 2 } };
    await using rig = await Rig.setUp({ config, daemonEnv: { DAEMON_TOKEN: `${secret}-daemon` } });
    const env = { ...rig.place.env, TOKEN: `${secret}-plan`, API_KEY: `${secret}-key` };
    const { path } = rig.repository;
    const attempts: [string, object][] = [
      ['plan.start', { plan: 'nul', command: ['true'], env: { ...env, NUL: `${secret}\0` } }],
      ['plan.start', { plan: 'shape', command: ['true'], env: { ...env, NUMBER: 1 } }],
      ['plan.start', { plan: 'list', command: ['true'], env: [`TOKEN=${secret}`] }],
      ['plan.start', { plan: 'unknown', command: ['true'], env, environment: env }],
      ['plan.start', { plan: 'absent', command: ['/no/such/program'], env }],
      ['plan.start', { plan: 'based', command: ['true'], base: 'no-such-branch', env }],
      ['plan.start', { plan: 'directory', command: ['/'], env }],
      ['plan.start', { plan: 'nowhere', command: ['true'], env: { ...env, PATH: '/nowhere' } }],
      [
        'plan.start',
        { plan: 'large', command: ['true'], env: { ...env, LARGE: secret.repeat(15_000).slice(0, 131_072) } },
      ],
      ['run.register', { plan: 'registered', command: ['true'], env }],
      ['plan.start', { plan: 'name', command: ['true'], env: { ...env, [`${secret}=A`]: 'x', [`B=${secret}`]: 1 } }],
      ['plan.start', { plan: 'member', command: ['true'], env, [secret]: 1 }],
      ['no.such', { env }],
    ];
    await using raw = await rig.connectRaw();
    for (const [method, params] of attempts) {
      raw.send({ jsonrpc: '2.0', id: method, method, params: { repository: path, ...params } });
      await raw.next();
    }
    raw.send(`{"jsonrpc":"2.0","id":1,"params":{"env":{"TOKEN":"${secret}"}\n`);
    await raw.next();

    const script = join(rig.place.makeDirectory('scripts'), 'broken');
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 });
    await rig.start('script', [script], { env });
    const { child } = await rig.startSteered('steered', { env });
    await rig.refusal('plan.remove', { plan: 'steered', repository: path });
    await rig.daemon.kill();
    await rig.startDaemon();
    await child.exit(1);
    await rig.wait('steered');
    const broken = makeRepository(rig.place, 'broken').path;
    writeFileSync(join(broken, '.git', 'worktrees'), 'in the way');
    const failing = rig.call('plan.start', { plan: 'git', repository: broken, command: ['true'], env });
    await expect(failing).rejects.toMatchObject({ data: { code: 'GIT_FAILED' } });
    const runs = join(rig.place.home, 'runs');
    renameSync(runs, `${runs}-aside`);
    writeFileSync(runs, 'in the way');
    const params = { plan: 'defect', repository: path, command: ['true'], env };
    expect(await rig.refusal('plan.start', params)).toMatchObject({ code: 'INTERNAL' });
    rmSync(runs);
    renameSync(`${runs}-aside`, runs);
    await using cli = rig.spawnWtd(['start', 'gone', '--base', 'nothing', '--', 'true'], { env: { CALLER: secret } });
    expect((await cli.finished()).exitCode).not.toBe(0);

    const found = filesBelow(rig.place.home)
      .filter((file) => !/\/(environment\.json|output\.log)$/.test(file) && statSync(file).isFile())
      .filter((file) => readFileSync(file).includes(secret));
    expect(found).toEqual([]);
    const told = entries(rig).map(({ msg }) => msg);
    expect(told).toEqual(expect.arrayContaining(['a defect', 'a command could not be executed', 'refused']));
  });
});

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}
