import { describe, expect, test } from 'vitest';
import { spellings } from '../../src/cli/command.ts';
import { listCommands } from '../../src/cli/commands.ts';
import { wtd } from './rig.ts';

test('help lists every command and every short form', async () => {
  const { out, exitCode } = await wtd(['help']);
  const listed = out.split('\n').map((line) => line.trimStart());
  for (const command of listCommands()) {
    for (const name of spellings(command)) {
      expect(listed.some((line) => line === name || line.startsWith(`${name} `))).toBe(true);
    }
  }
  expect(exitCode).toBe(0);
});

describe('the same help comes from', () => {
  test.each([
    [
      ['help', 'start'],
      ['start', '--help'],
    ],
    [
      ['help', 'plan', 'list'],
      ['plan', 'list', '-h'],
    ],
    [
      ['help', 'plan'],
      ['plan', '--help'],
    ],
    [['help'], []],
    [['help'], ['--help']],
  ])('%j and %j', async (one, other) => {
    expect(await wtd(one)).toEqual(await wtd(other));
  });
});

test('every command has help of its own, with all of its flags', async () => {
  for (const { name } of listCommands()) {
    const { out, exitCode, err } = await wtd([...name.split(' '), '--help']);
    expect(out).toContain(`usage: wtd ${name}`);
    expect(out).toContain('--json');
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
  }
});

test('help on a command that is a noun too shows its verbs', async () => {
  const { out } = await wtd(['help', 'daemon']);
  expect(out).toContain('usage: wtd daemon\n');
  expect(out).toContain('daemon reload');
});

test('help tells what start takes', async () => {
  const { out } = await wtd(['start', '--help']);
  expect(out).toContain('usage: wtd start <plan> [flags] [-- command...]');
  expect(out).toContain('--repo <repository>');
  expect(out).toContain('--when-full <queue|refuse>');
  expect(out).toContain('--max-disk-mb <integer|none>');
  expect(out).toContain('--max-runtime <duration|none>');
  expect(out).not.toContain('--limits');
  expect(out).not.toContain('--env');
  expect(out).not.toContain('--cwd');
});

test('help for a program is one document', async () => {
  const { out } = await wtd(['help', 'start', '--json']);
  expect(JSON.parse(out)).toEqual({
    commands: [{ usage: 'wtd start <plan> [flags] [-- command...]', summary: expect.any(String) as string }],
  });
});

test('help on what does not exist is exit 2 and a near name', async () => {
  const { exitCode, err } = await wtd(['help', 'strat']);
  expect(exitCode).toBe(2);
  expect(err).toContain('did you mean wtd start');
});

test('a noun without a verb is exit 2, and its verbs are told', async () => {
  const { exitCode, out, err } = await wtd(['plan']);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  expect(err).toMatch(/^wtd: plan needs a verb: (\w+, )*start, .*\n {2}see what they do with: wtd help plan\n$/);
});

test('help has the short forms in the order of their daily use', async () => {
  const { out } = await wtd(['help']);
  const [daily = ''] = out.slice(out.indexOf('\n\n') + 2).split('\n\n');
  const words = daily.split('\n').map((line) => line.trim().split(' ', 1)[0]);
  const first = ['start', 'status', 'logs', 'wait', 'stop', 'pause', 'resume', 'restart', 'exec', 'events', 'shutdown'];
  expect(words.slice(0, first.length)).toEqual(first);
});

test('the version is printed', async () => {
  for (const flag of ['--version', '-V']) expect((await wtd([flag])).out).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  expect(JSON.parse((await wtd(['--version', '--json'])).out)).toHaveProperty('version');
});
