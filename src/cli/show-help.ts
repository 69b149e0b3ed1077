import { findCommand, type Command } from './command.ts';
import { helpOfAll, helpOfCommand, helpOfGroup, usageOf } from './help.ts';
import { printJson, type Session } from './session.ts';

/** Help on the command that the words name, on a noun, or on everything. */
export async function showHelp(
  commands: readonly Command[],
  words: readonly string[],
  session: Session,
): Promise<number> {
  const found = findCommand(commands, words);
  const shown = listShown(commands, found);
  if (session.json) {
    const documents = shown.map((command) => ({ usage: usageOf(command), summary: command.summary }));
    await printJson(session.terminal, { commands: documents });
  } else {
    await session.terminal.print(textOf(commands, found));
  }
  return 0;
}

type Found = ReturnType<typeof findCommand>;

function listShown(commands: readonly Command[], found: Found): readonly Command[] {
  if (found.kind === 'command') return [found.command];
  if (found.kind === 'top') return commands;
  return commands.filter(({ name }) => name.startsWith(`${found.noun} `));
}

function textOf(commands: readonly Command[], found: Found): string {
  if (found.kind === 'top') return helpOfAll(commands);
  if (found.kind === 'group') return helpOfGroup(commands, found.noun);
  const { name } = found.command;
  const isNounToo = commands.some((command) => command.name.startsWith(`${name} `));
  return isNounToo ? `${helpOfCommand(found.command)}\n${helpOfGroup(commands, name)}` : helpOfCommand(found.command);
}
