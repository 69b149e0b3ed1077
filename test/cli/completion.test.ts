import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { spellings } from '../../src/cli/command.ts';
import { listCommands } from '../../src/cli/commands.ts';
import { completionScript, listContinuations, shells } from '../../src/cli/completion.ts';
import { wtd } from './rig.ts';

const commands = listCommands();

async function completeInBash(words: readonly string[]): Promise<string[]> {
  const ask = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _wtd`;
  const script = `${completionScript('bash', commands)}\n${ask}; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execa('bash', ['--norc', '-c', script]);
  return stdout.split('\n').filter((line) => line !== '');
}

test('bash takes the script', async () => {
  await execa('bash', ['-n'], { input: (await wtd(['completion', 'bash'])).out });
});

describe('bash completes', () => {
  test.each([
    [
      ['wtd', 'sta'],
      ['start', 'status'],
    ],
    [
      ['wtd', 'plan', 'st'],
      ['start', 'stop'],
    ],
    [['wtd', 'repo', 'li'], ['list']],
    [['wtd', 'start', 'x', '--when'], ['--when-full']],
    [['wtd', 'plan', 'start', '--when'], ['--when-full']],
    [['wtd', 'completion', 'z'], ['zsh']],
    [['wtd', 'nothing', 'of', 'this'], []],
  ])('%j', async (words, expected) => {
    expect(await completeInBash(words)).toEqual(expected);
  });
});

test('what can follow is known after every command', () => {
  const continuations = listContinuations(commands);
  for (const command of commands) {
    for (const spelling of spellings(command)) expect(continuations.get(spelling)).toContain('--json');
  }
});

test('every shell has a script', async () => {
  for (const shell of shells) {
    const { out, exitCode } = await wtd(['completion', shell]);
    expect(exitCode).toBe(0);
    expect(out).toContain('--when-full');
  }
  expect((await wtd(['completion', 'tcsh'])).exitCode).toBe(2);
});
