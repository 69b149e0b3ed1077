import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { isAlive, parentOf, pidsOf, send, untilGone } from '../../rig/processes.ts';
import { until } from '../../rig/until.ts';
import { Trial, type MakeExecutor } from './trial.ts';

/** What every executor does; `holds`: nothing escapes it. */
export function describeExecutor(make: MakeExecutor, { holds }: { holds: boolean }): void {
  testStarts(make);
  testCommands(make);
  testWatching(make);
  testEnds(make, holds);
}

function testStarts(make: MakeExecutor): void {
  test('a start is answered when the command has been executed, with one process beside it', async () => {
    await using trial = new Trial(make);
    const { parent, child } = await trial.start(['/bin/sleep', '1000']);
    expect(readFileSync(`/proc/${child}/comm`, 'utf8')).toBe('sleep\n');
    expect(parentOf(child)).toBe(parent);
    expect(pidsOf(trial.run).sort()).toEqual([parent, child].sort());
    expect(await trial.executor.inspect(trial.directory)).toMatchObject({ kind: 'claimed', child: { pid: child } });
  });

  test('a program that is not there or not executable is told apart from one that ends with such a code', async () => {
    for (const [program, exitCode] of [['/nowhere/it-is', 127] as const, ['plain', 126] as const]) {
      await using trial = new Trial(make);
      writeFileSync(join(trial.cwd, 'plain'), 'no program');
      chmodSync(join(trial.cwd, 'plain'), 0o644);
      const words = [program === 'plain' ? './plain' : program];
      expect(await trial.launch(words)).toMatchObject({ kind: 'unstartable', exitCode });
      expect(await trial.executor.inspect(trial.directory)).toMatchObject({ kind: 'unstartable', exitCode });
    }
    for (const exitCode of [126, 127]) {
      await using trial = new Trial(make);
      await trial.shell(`exit ${exitCode}`);
      expect(await trial.ended()).toMatchObject({ exitCode, signal: null });
    }
  });

  test('a cancelled start never runs, however late its parent comes up', async () => {
    await using trial = new Trial(make);
    expect(await trial.executor.cancel(trial.directory)).toEqual({ kind: 'cancelled' });
    const late = await trial.launch(['/bin/sh', '-c', `echo ran >"${trial.fileOf('ran')}"`]);
    expect(late.kind).not.toBe('started');
    expect(await trial.executor.inspect(trial.directory)).toEqual({ kind: 'cancelled' });
    await until(() => pidsOf(trial.run).length === 0, 'nothing of it is left');
    expect(existsSync(trial.fileOf('ran'))).toBe(false);
  });

  test('a start that came first cannot be cancelled, and goes on', async () => {
    await using trial = new Trial(make);
    const { child } = await trial.start(['/bin/sleep', '1000']);
    expect(await make().cancel(trial.directory)).toMatchObject({ kind: 'claimed', child: { pid: child } });
    expect(isAlive(child)).toBe(true);
  });
}

/** What a shell sets by itself. */
const shellsOwn = ['PWD', 'OLDPWD', 'SHLVL', '_'];

async function environmentOf(trial: Trial, env: Record<string, string>): Promise<Record<string, string>> {
  await trial.start(['/bin/cat', '/proc/self/environ'], { env });
  await trial.ended();
  const entries = trial.output().split('\0').filter(Boolean);
  const seen = entries.map((entry) => [entry.split('=', 1)[0] ?? '', entry.replace(/^[^=]*=/, '')] as const);
  return Object.fromEntries(seen.filter(([name]) => !shellsOwn.includes(name)));
}

function testCommands(make: MakeExecutor): void {
  test('a command gets its words as they are', async () => {
    await using trial = new Trial(make);
    const words = ['', ' ', 'a b', '-n', '--', '--user', "it's", '"', 'x\ny', '$HOME', '${PATH}', '%n', '\\', '*', 'ü'];
    await trial.start(['/usr/bin/printf', '[%s]', ...words]);
    await trial.ended();
    expect(trial.output()).toBe(words.map((word) => `[${word}]`).join(''));
  });

  test("a command gets its caller's environment and nothing else", async () => {
    const awkward = {
      start: 'a',
      code: 'b',
      directory: 'c',
      name: 'd',
      line: 'e',
      identify: 'f', // variables of many a script
      EMPTY: '',
      LINES_: 'one\ntwo\n',
      QUOTES: `'"\`$(exit 3)\\`,
      SPACES: '  two  ',
      SYSTEMD_LOG_LEVEL: 'err',
    };
    const service = {
      XDG_RUNTIME_DIR: "/run/it's/the caller's",
      DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere,guid=$x',
      INVOCATION_ID: '0123',
    };
    for (const more of [awkward, { ...awkward, ...service }]) {
      await using trial = new Trial(make);
      const env = { ...trial.env, ...more };
      expect(await environmentOf(trial, env)).toEqual(env);
    }
  });

  test('a command may have a big environment', async () => {
    await using trial = new Trial(make);
    const big = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`BIG_${index}`, 'x'.repeat(100_000)]));
    const env = { ...trial.env, ...big };
    expect(await environmentOf(trial, env)).toEqual(env);
  });

  test('a command works in its directory, and both its streams go into one file in their order', async () => {
    await using trial = new Trial(make);
    await trial.shell('pwd; echo 1; echo 2 >&2; echo 3; /bin/echo 4 >&2; /bin/echo 5; read -r line || echo no input');
    await trial.ended();
    expect(trial.output()).toBe(`${trial.cwd}\n1\n2\n3\n4\n5\nno input\n`);
  });

  test('a command has the descriptors and the signals that a bare spawn gives', async () => {
    await using trial = new Trial(make);
    const script = 'ls /proc/self/fd; grep -E "Sig(Ign|Blk)" /proc/self/status';
    await trial.shell(script);
    await trial.ended();
    expect(trial.output()).toBe(
      execFileSync('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] }).toString(),
    );
  });
}

function testWatching(make: MakeExecutor): void {
  test.each([0, 1, 42, 127, 143, 255])('exit code %i is known to whoever asks later', async (exitCode) => {
    await using trial = new Trial(make);
    const { child } = await trial.shell(`exit ${exitCode}`);
    await trial.ended();
    expect(await make().inspect(trial.directory)).toMatchObject({ exitCode, signal: null, child: { pid: child } });
  });

  test.each(['SIGTERM', 'SIGKILL', 'SIGSEGV'] as const)('the end by %s is known as such', async (signal) => {
    await using trial = new Trial(make);
    const { child } = await trial.start(['/bin/sleep', '1000']);
    send(child, signal);
    expect(await trial.ended()).toMatchObject({ kind: 'exited', signal, oomKills: 0 });
  });

  test('the end of a run is told to one that did not start it, also when it comes too late', async () => {
    await using trial = new Trial(make);
    const { child } = await trial.start(['/bin/sleep', '1000']);
    const told: string[] = [];
    using _live = make().watch(trial.directory, (seen) => told.push(`live ${seen}`));
    send(child, 'SIGKILL');
    await until(() => told.includes('live true'), 'the end is told');
    using _late = make().watch(trial.directory, (seen) => told.push(`late ${seen}`));
    await until(() => told.includes('late false'), 'the end is told late');
    expect(told).toEqual(['live true', 'late false']);
  });

  test('a run whose parent was killed is known to have begun, and no more', async () => {
    await using trial = new Trial(make);
    const { parent, child } = await trial.start(['/bin/sleep', '1000']);
    send(parent, 'SIGKILL');
    await untilGone(parent);
    expect(await make().inspect(trial.directory)).toMatchObject({ kind: 'claimed', child: { pid: child } });
    expect(isAlive(child)).toBe(true);
  });
}

/** Leaves a process with a session of its own, an empty environment, and a parent that is gone. */
const escape = (file: string) =>
  `(setsid env -i /bin/sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec sleep 1000' "${file}" &) ; sleep 1000`;

function testEnds(make: MakeExecutor, holds: boolean): void {
  test('a stop gives grace, and the command may tidy up', async () => {
    await using trial = new Trial(make);
    const file = trial.fileOf('ready');
    await trial.shell(`trap 'echo bye; exit 7' TERM; echo yes >"${file}"; while :; do sleep 0.02; done`);
    await trial.told('ready');
    expect(await trial.stop(60_000)).toBe(true);
    expect(await trial.ended()).toMatchObject({ exitCode: 7, signal: null });
    expect(trial.output()).toContain('bye');
    expect(pidsOf(trial.run)).toEqual([]);
  });

  test('a stop signals everybody in the group once', async () => {
    await using trial = new Trial(make);
    const file = trial.fileOf('ready');
    await trial.shell(`trap 'echo TERM' TERM; echo yes >"${file}"; while [ ! -e "${file}.over" ]; do sleep 0.02; done`);
    await trial.told('ready');
    const stopping = trial.stop(60_000);
    await until(() => trial.output().includes('TERM'), 'it was signalled');
    writeFileSync(`${file}.over`, '');
    expect(await stopping).toBe(true);
    expect(trial.output().match(/^TERM$/gm)).toHaveLength(1);
  });

  test('what does not end is killed, also what left the session, and the end is written down', async () => {
    await using trial = new Trial(make);
    const file = trial.fileOf('ready');
    await trial.shell(`trap '' TERM; (setsid sleep 1000 &); sleep 1000 & echo yes >"${file}"; wait`);
    await trial.told('ready');
    await until(() => pidsOf(trial.run).length === 4, 'all of it runs');
    expect(await trial.stop(100)).toBe(true);
    expect(await trial.ended()).toMatchObject({ signal: 'SIGKILL' });
    await until(() => pidsOf(trial.run).length === 0, 'nothing of it is left');
  });

  test('a storm of forks is ended', async () => {
    await using trial = new Trial(make);
    const file = trial.fileOf('storm');
    // Each process starts the next one and ends: whoever is seen is gone when its signal comes.
    writeFileSync(file, `#!/bin/sh\necho >>"${file}.count"\n"$0" &\n`, { mode: 0o755 });
    await trial.shell(`"${file}"; "${file}"; "${file}"; wait; sleep 1000`);
    await until(() => existsSync(`${file}.count`) && readFileSync(`${file}.count`).length > 50, 'it storms');
    expect(await trial.stop(1)).toBe(true);
    await trial.ended();
    expect(pidsOf(trial.run)).toEqual([]);
  });

  test(`what escapes completely is ${holds ? 'a member of the run, and ended with it' : 'not known'}`, async () => {
    await using trial = new Trial(make);
    const file = trial.fileOf('escaped');
    const { parent, child } = await trial.shell(escape(file));
    const escaped = Number(await trial.told(basename(file)));
    try {
      const members = await make().members(trial.directory);
      expect(members.sort()).toEqual(holds ? [parent, child, escaped, ...childrenIn(members, child)].sort() : []);
      expect(await trial.stop(60_000)).toBe(true);
      await trial.ended();
      expect(isAlive(escaped)).toBe(!holds);
      await until(async () => (await trial.executor.members(trial.directory)).length === 0, 'there are no members');
    } finally {
      send(escaped, 'SIGKILL');
    }
  });

  test.runIf(holds)('a storm of escapes is ended', async () => {
    await using trial = new Trial(make);
    const file = trial.fileOf('storm');
    writeFileSync(file, `#!/bin/sh\necho >>"${file}.count"\nsetsid -f env -i PATH="$PATH" "$0"\n`, { mode: 0o755 });
    await trial.shell(`"${file}"; "${file}"; "${file}"; sleep 1000`);
    await until(() => existsSync(`${file}.count`) && readFileSync(`${file}.count`).length > 50, 'it storms');
    expect(await trial.stop(1)).toBe(true);
    await trial.ended();
    await until(async () => (await trial.executor.members(trial.directory)).length === 0, 'there are no members');
  });
}

const childrenIn = (members: readonly number[], parent: number): number[] =>
  members.filter((pid) => parentOf(pid) === parent);
