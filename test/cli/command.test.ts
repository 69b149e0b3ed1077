import { describe, expect, test } from 'vitest';
import { findCommand } from '../../src/cli/command.ts';
import { listCommands } from '../../src/cli/commands.ts';
import { table } from '../../src/cli/table.ts';
import { methods } from '../../src/contract/index.ts';

const commands = listCommands();
const find = (...argv: string[]) => {
  const found = findCommand(commands, argv);
  return found.kind === 'command' ? [found.command.method ?? found.command.name, ...found.argv] : found;
};
const hint = (...argv: string[]): unknown => {
  try {
    return find(...argv);
  } catch (error) {
    return (error as { data: { hint: string } }).data.hint;
  }
};

test('every method is a command, by its noun and verb', () => {
  for (const name of methods.keys()) expect(find(...name.split('.'))).toEqual([name]);
});

test('no two commands have the same name', () => {
  const names = commands.flatMap(({ name, short }) => (short === undefined ? [name] : [name, short]));
  expect(names).toEqual([...new Set(names)]);
});

test('no two flags of a command collide, whatever parameters a method gets', () => {
  for (const { parameters } of commands) {
    const names = parameters.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
    expect(names).not.toContain('json');
    expect(names).not.toContain('help');
  }
});

test('the table knows what each method takes by position', () => {
  for (const { name, params, positional = [], rest, letters = {} } of table.methods) {
    const known = params.map((parameter) => parameter.name);
    for (const used of [...positional, ...(rest ? [rest] : []), ...Object.values(letters)]) {
      expect(known, name).toContain(used);
    }
  }
});

describe('a command line', () => {
  test.each([
    [
      ['start', 'x', '--', 'start'],
      ['plan.start', 'x', '--', 'start'],
    ],
    [
      ['plan', 'start', 'x'],
      ['plan.start', 'x'],
    ],
    [['repo', 'list'], ['repository.list']],
    [['status'], ['status.get']],
    [['status', 'watch'], ['status.watch']],
    [
      ['status', '--repo', 'get'],
      ['status.get', '--repo', 'get'],
    ],
    [
      ['logs', '-n', '20', 'x'],
      ['plan.logs', '-n', '20', 'x'],
    ],
    [
      ['--json', 'plan', '--json', 'list'],
      ['plan.list', '--json', '--json'],
    ],
    [
      ['--help', 'start'],
      ['plan.start', '--help'],
    ],
    [['rpc', 'discover'], ['rpc.discover']],
    [
      ['rpc', 'plan.show', '{}'],
      ['rpc', 'plan.show', '{}'],
    ],
    [['daemon'], ['daemon']],
    [['daemon', 'status'], ['daemon.status']],
  ])('%j', (argv, expected) => {
    expect(find(...argv)).toEqual(expected);
  });

  test('that names only a noun asks for its verbs', () => {
    expect(find('plan')).toEqual({ kind: 'group', noun: 'plan' });
    expect(find('repo')).toEqual({ kind: 'group', noun: 'repository' });
  });

  test('that names nothing asks for help', () => {
    expect(find()).toEqual({ kind: 'top' });
    expect(find('--json')).toEqual({ kind: 'top' });
  });
});

describe('a command that does not exist', () => {
  test.each([
    [['strat'], 'did you mean wtd start'],
    [['plan', 'strt'], 'did you mean wtd plan start'],
    [['repo', 'lst'], 'did you mean wtd repository list'],
    [['xyzzy'], 'see all commands with: wtd help'],
    [['__proto__'], 'see all commands with: wtd help'],
    [['constructor', 'toString'], 'see all commands with: wtd help'],
  ])('%j: %s', (argv, sentence) => {
    expect(hint(...argv)).toContain(sentence);
  });

  test('is told apart from a flag that comes too early', () => {
    expect(hint('-n', '20', 'logs')).toContain('flags come after a command');
  });
});
