import { nearNames } from '../base/near-names.ts';
import { CommandError, didYouMean, usageError } from './failure.ts';
import type { Grammar, Values } from './parse.ts';
import type { Session } from './session.ts';

/** A command as it was given: what to ask for, and of which command. */
export interface Invocation {
  readonly command: Command;
  readonly values: Values;
}

/** Does what was asked and answers the exit code. */
export type Handler = (invocation: Invocation, session: Session) => Promise<number>;

export interface Command extends Grammar {
  /** Noun and verb: `plan start`; or one word for what only the command line does: `exec`. */
  readonly name: string;
  readonly summary: string;
  /** The short form, for what is done daily. */
  readonly short?: string;
  /** The method it calls; undefined for what only the command line does. */
  readonly method?: string;
  readonly handle: Handler;
}

/** Nouns with a second name. */
const nounAliases: Readonly<Record<string, string>> = { repo: 'repository' };

/** What argv asks for before a command's own flags are read. */
export type Found =
  | { readonly kind: 'command'; readonly command: Command; readonly argv: readonly string[] }
  | { readonly kind: 'group'; readonly noun: string }
  | { readonly kind: 'top' };

/** Flags that may stand before a command or between its two words. */
const flagsAnywhere = ['--json', '--help', '-h', '--version', '-V'];

/** Finds the command that argv names, and what is left of argv for it. */
export function findCommand(commands: readonly Command[], argv: readonly string[]): Found {
  const places = placesOfWords(argv);
  const [first, second] = places.map((place) => argv[place] ?? '');
  if (first === undefined) return requireNoFlags(argv);
  const index = new Map(commands.flatMap((command) => spellings(command).map((spelling) => [spelling, command])));
  const noun = Object.hasOwn(nounAliases, first) ? (nounAliases[first] ?? first) : first;
  for (const typed of [[noun, second], [first]]) {
    const name = typed.join(' ');
    const command = index.get(name);
    const used = places.slice(0, typed.length);
    if (command) {
      return { kind: 'command', command: { ...command, name }, argv: argv.filter((_, place) => !used.includes(place)) };
    }
  }
  const verbs = listVerbs(commands, noun);
  if (verbs.length === 0) throw unknownCommand([], first, [...index.keys()].map(firstWord));
  if (second === undefined) return { kind: 'group', noun };
  throw unknownCommand([noun], second, verbs);
}

export const spellings = ({ name, short }: Command): string[] => (short === undefined ? [name] : [short, name]);

/** Where the first two words stand that can name a command. */
function placesOfWords(argv: readonly string[]): number[] {
  const places: number[] = [];
  for (const [place, word] of argv.entries()) {
    if (flagsAnywhere.includes(word)) continue;
    if (word.startsWith('-') || places.length === 2) break;
    places.push(place);
  }
  return places;
}

const firstWord = (name: string): string => name.split(' ', 1)[0] ?? name;

export const listVerbs = (commands: readonly Command[], noun: string): string[] =>
  commands.flatMap(({ name }) => (name.startsWith(`${noun} `) ? [name.slice(noun.length + 1)] : []));

function requireNoFlags(argv: readonly string[]): Found {
  const unknown = argv.find((word) => !flagsAnywhere.includes(word));
  if (unknown === undefined) return { kind: 'top' };
  throw usageError(`wtd has no flag ${unknown}`, 'flags come after a command; see: wtd help');
}

function unknownCommand(noun: readonly string[], word: string, candidates: Iterable<string>): CommandError {
  const nameOf = (last: string) => ['wtd', ...noun, last].join(' ');
  const hint = didYouMean(nearNames(word, new Set(candidates)).map(nameOf), 'see all commands with: wtd help');
  return new CommandError(`there is no command "${nameOf(word)}"`, { code: 'METHOD_NOT_FOUND', hint });
}
