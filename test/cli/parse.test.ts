import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseArguments, type Grammar } from '../../src/cli/parse.ts';

const grammar: Grammar = {
  name: 'try',
  parameters: [
    { name: 'plan', kind: 'string', required: true },
    { name: 'repository', kind: 'string', flag: 'repo', repository: true },
    { name: 'file', kind: 'string', path: true },
    { name: 'whenFull', kind: 'string', enum: ['queue', 'refuse'] },
    { name: 'timeoutMs', kind: 'integer', duration: true },
    { name: 'tail', kind: 'integer' },
    { name: 'ratio', kind: 'number' },
    { name: 'follow', kind: 'boolean' },
    { name: 'dependsOn', kind: 'array' },
    { name: 'maxDiskMb', kind: 'integer', field: 'limits', nullable: true },
    { name: 'maxRuntimeMs', kind: 'integer', field: 'limits', nullable: true, duration: true },
    { name: 'command', kind: 'array' },
    { name: 'cwd', kind: 'string', cli: 'cwd' },
    { name: 'env', kind: 'record', cli: 'environment' },
  ],
  positional: ['plan'],
  rest: 'command',
  letters: { f: 'follow', n: 'tail' },
};

const around = { cwd: '/home/dev', env: { PATH: '/bin', UNSET: undefined } };
const filled = { cwd: '/home/dev', env: { PATH: '/bin' } };
const parse = (...argv: string[]) => parseArguments(grammar, argv, around).values;

const complaint = (...argv: string[]): string => {
  try {
    parse(...argv);
  } catch (error) {
    const { message, data } = error as { message: string; data: { code: string; hint: string } };
    expect(data.code).toBe('INVALID_PARAMS');
    return `${message}: ${data.hint}`;
  }
  throw new Error('it was accepted');
};

test('of the environment only what a parameter names is sent', () => {
  const parameters = [
    { name: 'env', kind: 'record' as const, cli: 'environment' as const, names: ['A', 'B', 'UNSET'] },
  ];
  const env = { A: '1', SECRET: 'x', UNSET: undefined };
  expect(parseArguments({ name: 'try', parameters, positional: [] }, [], { cwd: '/', env }).values).toEqual({
    env: { A: '1' },
  });
});

describe('what is given', () => {
  test.each([
    [['login'], { plan: 'login' }],
    [['--plan', 'login'], { plan: 'login' }],
    [['login', '--repo', 'shop'], { plan: 'login', repository: 'shop' }],
    [['login', '--repository=shop'], { plan: 'login', repository: 'shop' }],
    [['login', '--repo', '.'], { plan: 'login', repository: '/home/dev' }],
    [['login', '--repo', '../shop'], { plan: 'login', repository: '/home/shop' }],
    [['login', '--repo', 'a/b'], { plan: 'login', repository: '/home/dev/a/b' }],
    [['login', '--repo', '/srv/shop'], { plan: 'login', repository: '/srv/shop' }],
    [['login', '--file', 'plan.md'], { plan: 'login', file: '/home/dev/plan.md' }],
    [['login', '--when-full', 'refuse'], { plan: 'login', whenFull: 'refuse' }],
    [['login', '--timeout', '30s'], { plan: 'login', timeoutMs: 30_000 }],
    [['login', '--timeout=1500'], { plan: 'login', timeoutMs: 1500 }],
    [['login', '--timeout-ms', '1.5s'], { plan: 'login', timeoutMs: 1500 }],
    [['login', '-n', '20', '-f'], { plan: 'login', tail: 20, follow: true }],
    [['-fn20', 'login'], { plan: 'login', tail: 20, follow: true }],
    [['--no-follow', 'login'], { plan: 'login', follow: false }],
    [['--follow=false', 'login'], { plan: 'login', follow: false }],
    [['--follow', 'login'], { plan: 'login', follow: true }],
    [['login', '--ratio', '0.5'], { plan: 'login', ratio: 0.5 }],
    [['login', '--depends-on', 'a', '--depends-on', 'b'], { plan: 'login', dependsOn: ['a', 'b'] }],
    [['login', '--tail', '1', '--tail', '2'], { plan: 'login', tail: 2 }],
    [['login', '--', 'sh', '-c', 'exit 3'], { plan: 'login', command: ['sh', '-c', 'exit 3'] }],
    [['login', '--', '--repo', '--', '-f'], { plan: 'login', command: ['--repo', '--', '-f'] }],
    [['login', '--file=--odd'], { plan: 'login', file: '/home/dev/--odd' }],
    [['login', '--max-disk-mb', '500'], { plan: 'login', limits: { maxDiskMb: 500 } }],
    [
      ['login', '--max-runtime=2h', '--max-disk-mb=none'],
      { plan: 'login', limits: { maxRuntimeMs: 7_200_000, maxDiskMb: null } },
    ],
    [['login', '--json'], { plan: 'login' }],
  ])('%j', (argv, expected) => {
    expect(parse(...argv)).toEqual({ ...filled, ...expected });
  });
});

describe('what is refused', () => {
  test.each([
    [[], 'try needs <plan>'],
    [['login', '--bas', 'x'], 'try has no flag --bas'],
    [['login', '--repoo', 'x'], 'did you mean --repo?'],
    [['login', '-x'], 'try has no flag -x'],
    [['login', '--no-repo'], 'try has no flag --no-repo'],
    [['login', '--__proto__', 'x'], 'try has no flag --__proto__'],
    [['login', '--cwd', '/'], 'try has no flag --cwd'],
    [['login', '--env', 'x'], 'try has no flag --env'],
    [['login', '--repo'], '--repo needs a value'],
    [['login', '--repo', '--follow'], '--repo needs a value'],
    [['login', '--follow=maybe'], '--follow takes no value, not "maybe"'],
    [['login', '--no-follow=true'], '--no-follow takes no value, not "true"'],
    [['login', '--tail', 'many'], '--tail cannot be "many": it is an integer'],
    [['login', '--tail', '1.5'], '--tail cannot be "1.5"'],
    [['login', '--tail', ''], '--tail cannot be ""'],
    [['login', '--ratio', 'Infinity'], '--ratio cannot be "Infinity"'],
    [['login', '--timeout', 'soon'], 'it is a time such as 500ms, 30s, 5m or 24h'],
    [['login', '--timeout', '-5s'], '--timeout needs a value'],
    [['login', '--when-full', 'quue'], 'did you mean queue?'],
    [['login', '--tail', 'none'], '--tail cannot be "none"'],
    [['login', '--max-disk-mb', 'nothing'], '--max-disk-mb cannot be "nothing": it is an integer, or none'],
    [['login', '--max-runtime', 'soon'], 'it is a time such as 500ms, 30s, 5m or 24h, or none'],
    [['login', '--when-full', 'x'], 'it is one of queue, refuse'],
    [['login', '--'], 'name a program after --'],
    [['login', '--', ''], 'name a program after --'],
    [['login', 'claude', 'fix'], 'put the command after two dashes: wtd try ... -- claude fix'],
  ])('%j: %s', (argv, sentence) => {
    expect(complaint(...argv)).toContain(sentence);
  });
});

test('the last positional parameter of a variadic command is an array', () => {
  const variadic = {
    name: 'wait',
    parameters: [{ name: 'plan', kind: 'array' as const }],
    positional: ['plan'],
    variadic: true,
  };
  expect(parseArguments(variadic, ['a', 'b', 'c'], around).values).toEqual({ plan: ['a', 'b', 'c'] });
  expect(parseArguments(variadic, [], around).values).toEqual({});
});

test('without a parameter for the rest, what follows two dashes is given by position', () => {
  const plain = { name: 'show', parameters: grammar.parameters.slice(0, 1), positional: ['plan'] };
  expect(parseArguments(plain, ['--', '-odd'], around).values).toEqual({ plan: '-odd' });
});

test('help demands nothing else', () => {
  for (const flag of ['--help', '-h']) expect(parseArguments(grammar, [flag], around)).toMatchObject({ help: true });
});

test('whatever is typed is either understood or refused with a sentence', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('-', '--', '-f', '-n', '--repo', '--no-follow', '--tail=3', '--timeout', '30s', '__proto__'),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
      try {
        parse(...argv);
      } catch (error) {
        expect((error as Error).name).toBe('CommandError');
      }
    }),
  );
});
