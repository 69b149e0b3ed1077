import type { Command } from './command.ts';
import { flagOf, globalFlags, nothing, type Grammar } from './parse.ts';
import type { Parameter } from './table.ts';

/** `wtd start <plan> [flags] [-- command...]` */
export function usageOf(grammar: Grammar): string {
  const find = (name: string) => grammar.parameters.find((parameter) => parameter.name === name);
  const words = grammar.positional.map((name, index) => {
    const isLast = index === grammar.positional.length - 1;
    const word = `<${name}>${grammar.variadic && isLast ? '...' : ''}`;
    return find(name)?.required ? word : `[${word}]`;
  });
  const rest = grammar.rest === undefined ? [] : [find(grammar.rest)?.required ? '-- command...' : '[-- command...]'];
  return ['wtd', grammar.name, ...words, ...(listFlags(grammar).length > 0 ? ['[flags]'] : []), ...rest].join(' ');
}

/** The parameters of a command that are given as flags, first. */
export const listFlags = ({ parameters, positional, rest }: Grammar): Parameter[] =>
  parameters.filter(({ name, cli }) => cli === undefined && name !== rest && !positional.includes(name));

/** `-n, --tail <integer>` */
export function flagUsage(parameter: Parameter, letters: Readonly<Record<string, string>> = {}): string {
  const letter = Object.entries(letters).find(([, name]) => name === parameter.name)?.[0];
  const value =
    parameter.kind === 'boolean' ? '' : ` <${valueName(parameter)}${parameter.nullable ? `|${nothing}` : ''}>`;
  return `${letter === undefined ? '' : `-${letter}, `}--${flagOf(parameter)}${value}`;
}

function valueName({ kind, duration, enum: values, path, repository, name }: Parameter): string {
  if (values) return values.length > 4 ? name.replace(/s$/, '') : values.join('|');
  if (duration) return 'duration';
  if (repository) return 'repository';
  if (path) return 'path';
  return kind === 'array' ? `${name.replace(/s$/, '')}...` : kind === 'string' ? name : kind;
}

const align = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()).join('\n');
};

/** What one command takes. */
export function helpOfCommand(command: Command): string {
  const letters = { ...command.letters, h: 'help' };
  const shown = [...command.parameters.filter(({ name }) => command.positional.includes(name)), ...listFlags(command)];
  const rows = shown.map((parameter) => {
    const isPositional = command.positional.includes(parameter.name);
    const left = isPositional ? `<${parameter.name}>` : flagUsage(parameter, letters);
    return [left, parameter.description ?? ''] as const;
  });
  const everywhere = globalFlags.map((flag) => [flagUsage(flag, letters), flag.description ?? ''] as const);
  return `${command.summary}.\n\nusage: ${usageOf(command)}\n\n${align([...rows, ...everywhere])}\n`;
}

/** The short forms in the order in which a day needs them; those not named follow. */
const byDailyUse = [
  'start',
  'status',
  'logs',
  'wait',
  'stop',
  'pause',
  'resume',
  'restart',
  'exec',
  'events',
  'shutdown',
];

const dailyRank = ({ name, short = name }: Command): number => {
  const rank = byDailyUse.indexOf(short);
  return rank === -1 ? byDailyUse.length : rank;
};

/** Every command: what is done daily by its short form, then all of them by noun and verb. */
export function helpOfAll(commands: readonly Command[]): string {
  const daily = commands
    .filter(({ name, short }) => short !== undefined || !name.includes(' '))
    .sort((a, b) => dailyRank(a) - dailyRank(b));
  const full = commands.filter(({ name }) => name.includes(' '));
  const rows = (list: readonly Command[], nameOf: (command: Command) => string) =>
    align(
      list.map((command) => [usageOf({ ...command, name: nameOf(command) }).slice('wtd '.length), command.summary]),
    );
  return [
    'usage: wtd <command> [flags]',
    '',
    rows(daily, ({ name, short }) => short ?? name),
    '',
    'Everything, by noun and verb (repo is short for repository):',
    '',
    rows(full, ({ name }) => name),
    '',
    'Every command takes --json and --help. See one with: wtd help <command>',
    '',
  ].join('\n');
}

/** The verbs of one noun. */
export function helpOfGroup(commands: readonly Command[], noun: string): string {
  const verbs = commands.filter(({ name }) => name.startsWith(`${noun} `));
  return `usage: wtd ${noun} <verb> [flags]\n\n${align(verbs.map(({ name, summary }) => [name, summary]))}\n`;
}
