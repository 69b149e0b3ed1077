import type { CommandEnd } from '../commands/logged-command.ts';

/** A command that did not succeed; `exitCode`: null when it never ran or a signal ended it. */
export interface CommandFailure {
  words: string[];
  exitCode: number | null;
  isUnstartable: boolean;
  message: string;
}

export const wordsOf = (words: readonly string[]): string => words.join(' ');

/** Undefined when it succeeded. Pure. */
export function failureOf(words: string[], end: CommandEnd): CommandFailure | undefined {
  const command = wordsOf(words);
  const failure = { words, exitCode: null, isUnstartable: false };
  switch (end.kind) {
    case 'exit':
      return end.code === 0
        ? undefined
        : { ...failure, exitCode: end.code, message: `${command} ended with ${end.code}` };
    case 'signal':
      return { ...failure, message: `${command} was ended by ${end.signal}` };
    case 'unstartable':
      return { ...failure, isUnstartable: true, message: `${command} could not be started: ${end.cause}` };
  }
}
