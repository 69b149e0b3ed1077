import { resolve } from 'node:path';
import { parseDuration } from '../base/duration.ts';
import { nearNames } from '../base/near-names.ts';
import { didYouMean, usageError } from './failure.ts';
import type { Parameter } from './table.ts';

/** What a command takes. */
export interface Grammar {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly positional: readonly string[];
  /** The last positional one may be given several times, and is then always an array. */
  readonly variadic?: boolean;
  /** The parameter that takes everything after `--`. */
  readonly rest?: string;
  readonly letters?: Readonly<Record<string, string>>;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type Values = Record<string, unknown>;

export interface Parsed {
  /** Only help is wanted; nothing is demanded of the values then. */
  readonly help: boolean;
  readonly values: Values;
}

/** What every command takes beside its own flags. */
export const globalFlags: readonly Parameter[] = [
  { name: 'json', kind: 'boolean', description: 'Print one JSON document, and nothing else' },
  { name: 'help', kind: 'boolean', description: 'Show what the command takes' },
];

/** How a parameter that may be null is given as null. */
export const nothing = 'none';

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** How a parameter is written as a flag, without the dashes. */
export const flagOf = ({ name, flag, duration }: Parameter): string =>
  flag ?? kebab(duration ? name.replace(/Ms$/, '') : name);

/** Every spelling of every flag: `repo` and `repository` are the same one. */
export function flagsOf(grammar: Grammar): Map<string, Parameter> {
  const given = [...grammar.parameters, ...globalFlags].filter((parameter) => parameter.cli === undefined);
  return new Map(given.flatMap((parameter) => [kebab(parameter.name), flagOf(parameter)].map((f) => [f, parameter])));
}

/** Turns the words after a command into its parameters; what is wrong with them is a sentence and exit 2. */
export function parseArguments(grammar: Grammar, argv: readonly string[], around: Surroundings): Parsed {
  const { flags, words, rest, isOpen } = readTokens(grammar, argv);
  const values: Values = {};
  const globals: Values = {};
  for (const given of flags) setFlag(globalFlags.includes(given.parameter) ? globals : values, given, around);
  placeWords(grammar, grammar.rest ? words : [...words, ...rest], (name, word) => {
    const parameter = grammar.parameters.find((candidate) => candidate.name === name);
    if (parameter) values[name] = read(parameter, `<${name}>`, { word, cwd: around.cwd, before: values[name] });
  });
  if (grammar.rest && rest.length > 0) values[grammar.rest] = rest;
  const help = globals['help'] === true;
  if (!help && grammar.rest && isOpen && !rest[0]) throw noProgram(grammar);
  if (!help) requireAll(grammar, values);
  return { help, values: { ...surrounding(grammar, around), ...values } };
}

interface GivenFlag {
  readonly parameter: Parameter;
  /** As it was written: `--tail`, `-n`, `--no-follow`. */
  readonly label: string;
  readonly isNegated: boolean;
  readonly value: string | undefined;
}

interface Tokens {
  readonly flags: readonly GivenFlag[];
  readonly words: readonly string[];
  /** What follows `--`. */
  readonly rest: readonly string[];
  /** Whether `--` was there. */
  readonly isOpen: boolean;
}

/** By hand, because loading `parseArgs` of node:util alone takes most of a millisecond. */
function readTokens(grammar: Grammar, argv: readonly string[]): Tokens {
  const known = flagsOf(grammar);
  const flags: GivenFlag[] = [];
  const words: string[] = [];
  const queue = [...argv];
  for (let word = queue.shift(); word !== undefined && word !== '--'; word = queue.shift()) {
    if (word.startsWith('--')) flags.push(readFlag(word, requireFlag(grammar, known, word), queue));
    else if (word.startsWith('-') && word !== '-') flags.push(...readLetters(grammar, known, { word, queue }));
    else words.push(word);
  }
  return { flags, words, rest: queue, isOpen: argv.includes('--') };
}

/** `--repo=shop`, `--repo shop`, `--follow`, `--no-follow`. */
function readFlag(word: string, flag: Pick<GivenFlag, 'parameter' | 'isNegated'>, queue: string[]): GivenFlag {
  const [label = word] = word.split('=', 1);
  const inline = label === word ? undefined : word.slice(label.length + 1);
  return { ...flag, label, value: inline ?? (flag.parameter.kind === 'boolean' ? undefined : takeValue(label, queue)) };
}

/** `-f`, `-n 20`, `-fn20`. */
function readLetters(
  grammar: Grammar,
  known: ReadonlyMap<string, Parameter>,
  { word, queue }: { word: string; queue: string[] },
): GivenFlag[] {
  const letters = new Map(Object.entries({ ...grammar.letters, h: 'help' }));
  const given: GivenFlag[] = [];
  for (let place = 1; place < word.length; place++) {
    const letter = word.charAt(place);
    const label = `-${letter}`;
    const parameter = known.get(kebab(letters.get(letter) ?? ''));
    if (!parameter) throw unknownFlag(grammar, label, []);
    const isSwitch = parameter.kind === 'boolean';
    const value = isSwitch ? undefined : word.slice(place + 1) || takeValue(label, queue);
    given.push({ parameter, label, isNegated: false, value });
    if (!isSwitch) break;
  }
  return given;
}

function takeValue(label: string, queue: string[]): string {
  const value = queue.shift();
  if (value !== undefined && !value.startsWith('-')) return value;
  throw usageError(`${label} needs a value`, `write it as ${label} VALUE, or ${label}=VALUE`);
}

function requireFlag(grammar: Grammar, known: ReadonlyMap<string, Parameter>, word: string) {
  const [label = word] = word.split('=', 1);
  const name = label.slice(2);
  const parameter = known.get(name);
  if (parameter) return { parameter, isNegated: false };
  const negated = name.startsWith('no-') ? known.get(name.slice(3)) : undefined;
  if (negated?.kind === 'boolean') return { parameter: negated, isNegated: true };
  throw unknownFlag(grammar, label, nearNames(name, known.keys()));
}

const unknownFlag = (grammar: Grammar, label: string, near: readonly string[]) =>
  usageError(
    `${grammar.name} has no flag ${label}`,
    didYouMean(
      near.map((flag) => `--${flag}`),
      `see what it takes with: wtd ${grammar.name} --help`,
    ),
  );

function setFlag(values: Values, { parameter, label, isNegated, value }: GivenFlag, { cwd }: Surroundings): void {
  const holder = holderOf(values, parameter);
  if (parameter.kind !== 'boolean') {
    holder[parameter.name] = read(parameter, label, { word: value ?? '', cwd, before: holder[parameter.name] });
  } else if (value === undefined || (!isNegated && ['true', 'false'].includes(value))) {
    holder[parameter.name] = !isNegated && value !== 'false';
  } else {
    throw usageError(`${label} takes no value, not "${value}"`, `write ${label} alone`);
  }
}

/** Where the parameter's value goes: among the others, or into the object it is a field of. */
function holderOf(values: Values, { field }: Parameter): Values {
  if (field === undefined) return values;
  values[field] ??= {};
  return values[field] as Values;
}

interface Word {
  word: string;
  cwd: string;
  /** What the parameter already holds, when it is an array. */
  before: unknown;
}

function read(parameter: Parameter, label: string, { word, cwd, before }: Word): unknown {
  if (parameter.nullable && word === nothing) return null;
  if (parameter.enum && !parameter.enum.includes(word)) {
    const allowed = `it is one of ${parameter.enum.join(', ')}`;
    throw usageError(`${label} cannot be "${word}"`, didYouMean(nearNames(word, parameter.enum), allowed));
  }
  if (parameter.kind === 'array') return [...((before as string[] | undefined) ?? []), word];
  if (parameter.kind === 'integer' || parameter.kind === 'number') return readNumber(parameter, label, word);
  const isPath = parameter.path ?? (parameter.repository && (word.startsWith('.') || word.includes('/')));
  return isPath && word !== '' ? resolve(cwd, word) : word;
}

const orNothing = ({ nullable }: Parameter): string => (nullable ? `, or ${nothing}` : '');

function readNumber(parameter: Parameter, label: string, word: string): number {
  const value = parameter.duration ? parseDuration(word) : word.trim() === '' ? undefined : Number(word);
  const isRight = parameter.kind === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (value !== undefined && isRight) return value;
  throw usageError(
    `${label} cannot be "${word}"`,
    `${parameter.duration ? 'it is a time such as 500ms, 30s, 5m or 24h' : `it is ${parameter.kind === 'integer' ? 'an integer' : 'a number'}`}${orNothing(parameter)}`,
  );
}

function placeWords(grammar: Grammar, words: readonly string[], place: (name: string, word: string) => void): void {
  const last = grammar.variadic ? grammar.positional.at(-1) : undefined;
  for (const [index, word] of words.entries()) {
    const name = grammar.positional[index] ?? last;
    if (name === undefined) {
      const hint = grammar.rest
        ? `put the command after two dashes: wtd ${grammar.name} ... -- ${words.slice(index).join(' ')}`
        : `see what it takes with: wtd ${grammar.name} --help`;
      throw usageError(`${grammar.name} does not take "${word}"`, hint);
    }
    place(name, word);
  }
}

const noProgram = ({ name }: Grammar) => usageError('name a program after --', `as in: wtd ${name} ... -- npm test`);

function requireAll(grammar: Grammar, values: Values): void {
  const missing = grammar.parameters.find(
    (one) => one.required && holderOf({ ...values }, one)[one.name] === undefined,
  );
  if (!missing) return;
  const what = grammar.positional.includes(missing.name) ? `<${missing.name}>` : `--${flagOf(missing)}`;
  throw usageError(`${grammar.name} needs ${what}`, `see what it takes with: wtd ${grammar.name} --help`);
}

function surrounding(grammar: Grammar, { cwd, env }: Surroundings): Values {
  const known = Object.entries(env).filter(([, value]) => value !== undefined);
  const environment = (names: readonly string[] | undefined) =>
    Object.fromEntries(names ? known.filter(([name]) => names.includes(name)) : known);
  return Object.fromEntries(
    grammar.parameters.flatMap(({ name, cli, names }) =>
      cli === undefined ? [] : [[name, cli === 'cwd' ? cwd : environment(names)]],
    ),
  );
}
