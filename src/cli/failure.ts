import type { ErrorName } from '../contract/errors.ts';
import { harmless } from './format.ts';
import { table } from './table.ts';

interface Details {
  code: ErrorName;
  hint: string;
  [detail: string]: unknown;
}

/** What `--json` prints under `error`. */
export interface Failure {
  code: number | null;
  message: string;
  data: Details;
}

/** A refusal of the command line itself, of the same shape as the daemon's. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly data: Details;

  constructor(message: string, data: Details) {
    super(message);
    this.data = data;
  }
}

/** The command was not understood: exit 2. */
export const usageError = (message: string, hint: string): CommandError =>
  new CommandError(message, { code: 'INVALID_PARAMS', hint });

/** `did you mean a or b?`, or else the other hint. */
export const didYouMean = (near: readonly string[], otherwise: string): string =>
  near.length > 0 ? `did you mean ${near.join(' or ')}?` : otherwise;

/** The name of a refusal; undefined for a defect. */
export function findErrorName(error: unknown): ErrorName | undefined {
  const data = (error as { data?: { code?: unknown } } | null | undefined)?.data;
  const name = data?.code;
  return typeof name === 'string' && Object.hasOwn(table.errors, name) ? (name as ErrorName) : undefined;
}

/** A command has flags and words, which `rpc.discover` does not know. */
export function forCommandLine(error: unknown, command: string): unknown {
  if (findErrorName(error) !== 'INVALID_PARAMS') return error;
  const { message, data } = error as CommandError;
  if (!data.hint.includes('rpc.discover')) return error;
  return new CommandError(message, { ...data, hint: `see what it takes with: wtd help ${command}` });
}

export function toFailure(error: unknown): Failure {
  const name = findErrorName(error);
  if (name !== undefined) {
    const { message, data } = error as CommandError;
    return { code: table.errors[name]?.rpc ?? null, message, data };
  }
  const message = error instanceof Error ? error.message : String(error);
  const hint = 'this is a defect of wtd; please report it with the command that you ran';
  return { code: table.errors['INTERNAL']?.rpc ?? null, message, data: { code: 'INTERNAL', hint } };
}

/** What people read of it. */
export const formatFailure = ({ message, data: { hint } }: Failure): string =>
  harmless(`wtd: ${message}\n${hint ? `  ${hint}\n` : ''}`);

export const exitCodeOf = (failure: Failure): number => table.errors[failure.data.code]?.exit ?? 70;
